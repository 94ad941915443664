import { hash, type KeyObject } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { signDetached } from '../../src/crypto/jws.ts'
import { loadKeyPair } from '../../src/crypto/keys.ts'
import { loadSealingKey, seal, unseal } from '../../src/crypto/sealed.ts'

const TABLES = [
  'schema_migrations',
  'meta',
  'signing_keys',
  'resources',
  'join_tokens',
  'join_token_uses',
  'bot_instances',
  'bot_generations',
]

/** Reverts the schema changes of later versions. */
const OLDER_FORM = `
  DROP TABLE tombstones;
  DROP INDEX bot_instances_revision;
  DROP INDEX signing_keys_revision;
  ALTER TABLE bot_instances DROP COLUMN revision;
  ALTER TABLE signing_keys DROP COLUMN revision;
  DROP TABLE authorities;
  CREATE TABLE former_events (sequence INTEGER PRIMARY KEY, time_ms integer NOT NULL, event text NOT NULL,
    actor text NOT NULL, ref text, detail text NOT NULL, hash blob NOT NULL);
  INSERT INTO former_events SELECT sequence, time_ms, event, actor, ref, detail, hash FROM audit_events;
  DROP TABLE audit_events;
  ALTER TABLE former_events RENAME TO audit_events;
  CREATE INDEX audit_events_ref ON audit_events (ref) WHERE ref IS NOT NULL;
`

/**
 * Removes the seals of a database: everything that an attacker without the key can do to make it
 * look like a database from before seals existed.
 */
export function stripSeals(database: DatabaseSync): void {
  database.exec('PRAGMA foreign_keys = OFF; DROP TABLE sealed_state')
  database.exec(OLDER_FORM)
  for (const table of TABLES) database.exec(`ALTER TABLE ${table} DROP COLUMN seal`)
  database.exec(`ALTER TABLE join_tokens RENAME COLUMN method_state TO secret_sha256;
    ALTER TABLE bot_instances DROP COLUMN join_attributes;
    DELETE FROM schema_migrations WHERE number > 1`)
}

/**
 * Converts the rest of a data directory to that version, including what only the authority itself
 * could seal.
 */
export async function becomeFormer(dataDir: string, keyFile: string, database: DatabaseSync): Promise<void> {
  stripSeals(database)
  const kek = loadSealingKey(Buffer.from((await readFile(keyFile, 'utf8')).trim(), 'hex'))
  const check = seal(kek, Buffer.from('the key-encryption key of this database'), 'signet check')
  database.prepare(`UPDATE meta SET value = ? WHERE key = 'kek_check'`).run(check.toString('base64'))
  const headKey = path.join(dataDir, 'audit-head.key')
  const key = unseal(kek, await readFile(headKey), 'signet audit head key beside sealed rows')
  await writeFile(headKey, seal(kek, key, 'signet audit head key'))
  await writeFile(
    path.join(dataDir, 'audit-heads.jsonl'),
    `${formerHead(database, loadKeyPair(key).privateKey)}\n`,
  )
}

function formerHead(database: DatabaseSync, key: KeyObject): string {
  const end = database.prepare('SELECT sequence, hash FROM audit_events ORDER BY sequence DESC LIMIT 1').get()
  const { sequence, hash: bytes } = end as { sequence: number; hash: Uint8Array }
  const fields = {
    v: 1,
    sequence,
    hash: Buffer.from(bytes).toString('hex'),
    time_ms: 1,
    previous: hash('sha256', ''),
  }
  const signature = signDetached(key, Buffer.from(`signet audit head\n${JSON.stringify(fields)}`))
  return JSON.stringify({ ...fields, signature: signature.toString('base64url') })
}
