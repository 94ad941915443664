import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { GetBundleResponse__Output } from '../../src/rpc/gen/signet/v1/GetBundleResponse.ts'
import type { VerifyAuditResponse__Output } from '../../src/rpc/gen/signet/v1/VerifyAuditResponse.ts'
import { type AttackedData, createSampleData, logged, type SampleData } from '../support/altered-database.ts'
import type { TestAuthority } from '../support/start-authority.ts'

const SERVICE = 'signet.v1.AdminService'
const altered = (message: RegExp) => ({ code: 'ERR_DATASTORE_ALTERED', message })

const bundleOf = async ({ admin }: TestAuthority): Promise<string> =>
  (await admin.unary<object, GetBundleResponse__Output>(SERVICE, 'GetBundle', {})).spiffeBundle.toString()
const keysOf = (bundle: string): unknown[] => (JSON.parse(bundle) as { keys: unknown[] }).keys
const verify = ({ admin }: TestAuthority) =>
  admin.unary<object, VerifyAuditResponse__Output>(SERVICE, 'VerifyAudit', {})

let sample: SampleData
before(async () => {
  sample = await createSampleData()
})
after(() => sample?.[Symbol.asyncDispose]())

/** Attacks the database of a stopped authority and expects the next start to be refused. */
async function refused(attack: (data: AttackedData) => void | Promise<void>, message: RegExp): Promise<void> {
  await using data = await sample.copy()
  await attack(data)
  await assert.rejects(data.start(), altered(message))
}

describe('rows that another program inserted into the database of a stopped authority', () => {
  const inserted: Readonly<Record<string, readonly [table: string, sql: string]>> = {
    'a CA as a retired key': [
      'signing_keys',
      `INSERT INTO signing_keys SELECT 'STRANGER', purpose, 'retired', 'aa', parent_id, certificate, public_key, x'', not_before_ms,
       not_after_ms, created_ms, activate_ms, seal, revision FROM signing_keys WHERE purpose = 'spiffe_x509' AND state = 'active'`,
    ],
    'a JWT key as a retired key': [
      'signing_keys',
      `INSERT INTO signing_keys SELECT 'STRANGER', 'jwt', 'retired', 'stranger', parent_id, NULL, public_key, x'', not_before_ms,
       not_after_ms, created_ms, activate_ms, seal, revision FROM signing_keys WHERE purpose = 'jwt'`,
    ],
    'a control root': [
      'signing_keys',
      `INSERT INTO signing_keys SELECT 'STRANGER', 'control_root', 'retired', 'aa', parent_id, certificate, public_key, x'', not_before_ms,
       not_after_ms, created_ms, activate_ms, NULL, revision FROM signing_keys WHERE purpose = 'control_root'`,
    ],
    'a role, with the seal of another': [
      'resources',
      `INSERT INTO resources SELECT kind, 'copied', 999, metadata, spec, updated_ms, seal FROM resources WHERE name = 'everything'`,
    ],
    'a join token with a known secret': [
      'resources',
      `INSERT INTO resources VALUES ('join_token', 'mine', 998, '{"labels":{}}', '{"bot":"builder","method":"secret","max_uses":9}', 0, NULL);
       INSERT INTO join_tokens VALUES ('mine', 'join_token', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 0, 0, NULL)`,
    ],
    'a use of a token': [
      'join_token_uses',
      `INSERT INTO join_token_uses SELECT token_name, 'ab', instance_id, created_ms, NULL, seal FROM join_token_uses LIMIT 1`,
    ],
    'an instance': [
      'bot_instances',
      `INSERT INTO bot_instances SELECT 'STRANGER', bot_kind, bot_name, join_token, join_method, joined_ms, renewed_ms, not_after_ms,
       agent_version, hostname, seal, join_attributes, revision FROM bot_instances LIMIT 1`,
    ],
    'a generation': [
      'bot_generations',
      `INSERT INTO bot_generations SELECT instance_id, generation + 1, 'ab', 'pending', not_after_ms, created_ms, seal FROM bot_generations LIMIT 1`,
    ],
    'a tombstone of a lock': [
      'tombstones',
      `INSERT INTO tombstones VALUES ('resource', 'lock', 'lost-laptop', 999, randomblob(32))`,
    ],
    'an authority': [
      'authorities',
      `INSERT INTO authorities SELECT 7, 'mine', created_ms, seal FROM authorities`,
    ],
    'a fact': ['meta', `INSERT INTO meta VALUES ('anything', '1', randomblob(32))`],
  }
  for (const [what, [table, sql]] of Object.entries(inserted)) {
    it(`are not used, and are removed: ${what}`, async () => {
      await using data = await sample.copy()
      data.sql(`PRAGMA foreign_keys = ON; ${sql}`)
      await using authority = await data.start()
      assert.deepEqual(keysOf(await bundleOf(authority)), keysOf(sample.bundle))
      const [entry] = logged(authority, 'database.rows_refused')
      assert.ok(JSON.stringify(entry?.['rows']).includes(`"table":"${table}"`))
      const { intact, problems } = await verify(authority)
      assert.equal(intact, false)
      assert.match(problems.join('\n'), /the authority found: \d rows of the database that it did not write/)
    })
  }

  it('are named in the audit log, and leave no trace among the resources', async () => {
    await using data = await sample.copy()
    data.sql(
      `INSERT INTO resources SELECT kind, 'copied', 999, metadata, spec, updated_ms, seal FROM resources WHERE name = 'everything'`,
    )
    await using authority = await data.start()
    const found = authority.admin.unary(SERVICE, 'GetResource', { kind: 'role', name: 'copied' })
    await assert.rejects(found, /there is no role copied/)
    await authority.stop()
    await using again = await data.start()
    assert.deepEqual(logged(again, 'database.rows_refused'), [])
    const role = 'kind: role\nversion: v1\nmetadata: { name: copied }\nspec: { allow: [] }'
    assert.equal((await again.apply(role)).resources[0]?.action, 'created')
  })

  it('are removed from the end of the audit log', async () => {
    await using data = await sample.copy()
    data.sql(
      `INSERT INTO audit_events SELECT authority, sequence + 1, time_ms, event, actor, ref, detail, hash FROM audit_events ORDER BY sequence DESC LIMIT 1`,
    )
    await using authority = await data.start()
    assert.match(
      String(logged(authority, 'database.altered')[0]?.['problem']),
      /1 rows that this authority did not write/,
    )
    assert.match((await verify(authority)).problems.join('\n'), /^at row \d+ the authority found: 1 rows/)
  })
})

describe('audit rows of an authority that does not exist', () => {
  it('are removed, and the log says so', async () => {
    await using data = await sample.copy()
    data.sql(
      `INSERT INTO audit_events SELECT 0, sequence, time_ms, event, actor, ref, detail, hash FROM audit_events LIMIT 2`,
    )
    await using authority = await data.start()
    assert.match(
      String(logged(authority, 'database.altered')[0]?.['problem']),
      /2 rows that this authority did not write/,
    )
  })
})

describe('a stopped authority whose rows another program changed, deleted or set back', () => {
  const changed: Readonly<Record<string, string>> = {
    'a bot gets another role': `UPDATE resources SET spec = '{"roles":["everything"],"traits":{}}' WHERE name = 'builder'`,
    'a role loses its deny': `UPDATE resources SET spec = json_remove(spec, '$.deny') WHERE name = 'ci'`,
    'a lock targets another bot': `UPDATE resources SET spec = replace(spec, 'banned', 'nobody') WHERE kind = 'lock'`,
    'a lock is renamed to a role': `UPDATE resources SET kind = 'role' WHERE kind = 'lock'`,
    'a retired key is active again': `UPDATE signing_keys SET state = 'active' WHERE state = 'retired'`,
    'a join token has another secret': `UPDATE join_tokens SET method_state = 'ab'`,
    'an agent has other join attributes': `UPDATE bot_instances SET join_attributes = '{"admin":true}'`,
    'a join token was not used': `UPDATE join_tokens SET uses = 0 WHERE uses > 0`,
    'a use was not redeemed': `UPDATE join_token_uses SET key_sha256 = 'ab'`,
    'an instance has another key': `UPDATE bot_generations SET key_sha256 = 'ab'`,
    'an instance belongs to another bot': `UPDATE bot_instances SET bot_name = 'banned'`,
    'the sequence of the bundle goes back': `UPDATE meta SET value = '1' WHERE key = 'bundle_sequence'`,
    'the trust domain changes': `UPDATE meta SET value = 'other.example' WHERE key = 'trust_domain'`,
    'numbers become text': `UPDATE resources SET updated_ms = updated_ms || 'x'`,
    'seals are swapped': `UPDATE resources SET seal = (SELECT seal FROM resources r WHERE r.name = 'everything')`,
  }
  for (const [what, sql] of Object.entries(changed)) {
    it(`refuses to start when ${what}`, () =>
      refused((data) => data.sql(sql), /rows were deleted or reverted/))
  }
  const deleted: Readonly<Record<string, readonly [sql: string, named: RegExp]>> = {
    'a lock': [`DELETE FROM resources WHERE kind = 'lock'`, /lock lost-laptop is missing/],
    'a role with a deny': [`DELETE FROM resources WHERE name = 'ci'`, /role ci is missing/],
    'a bot with its instances': [
      `PRAGMA foreign_keys = ON; DELETE FROM resources WHERE name = 'builder'`,
      /bot builder is missing/,
    ],
    'a retired key': [`DELETE FROM signing_keys WHERE state = 'retired'`, /the signing key \w+ is missing/],
    'all keys': [`DELETE FROM signing_keys`, /the signing key \w+ is missing/],
    'an instance': [`DELETE FROM bot_instances`, /the bot instance \w+ is missing/],
    'a use of a token': [`DELETE FROM join_token_uses`, /the audit log does not say which/],
    'the trust domain': [`DELETE FROM meta WHERE key = 'trust_domain'`, /the audit log does not say which/],
  }
  for (const [what, [sql, named]] of Object.entries(deleted)) {
    it(`refuses to start without ${what} and says what is missing`, () =>
      refused((data) => data.sql(sql), named))
  }

  it('refuses older versions of its own rows', async () => {
    await using data = await sample.copy()
    data.sql(`CREATE TABLE aside AS SELECT * FROM resources WHERE name = 'ci'`)
    data.sql('DROP TABLE IF EXISTS kept')
    const old = data.database()
    const row = old.prepare(`SELECT * FROM aside`).get() as Record<string, string | number | Uint8Array>
    old.exec('DROP TABLE aside')
    old.close()
    const running = await data.start()
    await running.apply('kind: role\nversion: v1\nmetadata: { name: ci }\nspec: { allow: [] }')
    await running.stop()
    const database = data.database()
    database
      .prepare(
        `UPDATE resources SET revision = ?, spec = ?, metadata = ?, updated_ms = ?, seal = ? WHERE name = 'ci'`,
      )
      .run(
        row['revision'] ?? 0,
        row['spec'] ?? '',
        row['metadata'] ?? '',
        row['updated_ms'] ?? 0,
        row['seal'] ?? '',
      )
    database.close()
    await assert.rejects(data.start(), altered(/role ci is at revision \d+ instead of \d+/))
  })
})
