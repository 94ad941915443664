import assert from 'node:assert/strict'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { VerifyAuditResponse__Output } from '../../src/rpc/gen/signet/v1/VerifyAuditResponse.ts'
import { logged } from '../support/altered-database.ts'
import { startAuthority, type TestAuthority } from '../support/start-authority.ts'

const FIXTURES = path.resolve(import.meta.dirname, '../fixtures')
const ADMIN = 'signet.v1.AdminService'

/** The data directory of an earlier version, with its key. */
async function earlierData(fixture: string) {
  const directory = await mkdtemp(path.join(tmpdir(), 'signet-earlier-'))
  const from = path.join(FIXTURES, fixture)
  const data = path.join(directory, 'data')
  await mkdir(data, { mode: 0o700 })
  await mkdir(path.join(directory, 'keys'), { mode: 0o700 })
  await writeFile(
    path.join(data, 'authority.db'),
    gunzipSync(await readFile(path.join(from, 'authority.db.gz'))),
    { mode: 0o600 },
  )
  for (const name of ['audit-head.key', 'audit-heads.jsonl']) {
    await copyFile(path.join(from, name), path.join(data, name))
  }
  await writeFile(path.join(directory, 'keys', 'kek'), await readFile(path.join(from, 'kek')), {
    mode: 0o600,
  })
  return {
    directory,
    query: (sql: string) => {
      const database = new DatabaseSync(path.join(data, 'authority.db'))
      const rows = database.prepare(sql).all()
      database.close()
      return rows
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}

const verify = ({ admin }: TestAuthority) =>
  admin.unary<object, VerifyAuditResponse__Output>(ADMIN, 'VerifyAudit', {})

describe('the data directory of an earlier version', () => {
  it('opens with all of its data, and its audit log continues as one chain', async () => {
    await using data = await earlierData('schema-2')
    const before = data.query('SELECT sequence, hex(hash) AS hash FROM audit_events ORDER BY sequence')
    const pin = await (async () => {
      await using authority = await startAuthority({ directory: data.directory })
      assert.deepEqual(logged(authority, 'database.rows_refused'), [])
      assert.deepEqual(logged(authority, 'database.altered'), [])
      const { intact, problems } = await verify(authority)
      assert.deepEqual([intact, problems], [true, []])
      const { resources } = await authority.admin.unary<
        object,
        { resources: { kind: string; name: string }[] }
      >(ADMIN, 'ListResources', { kind: '' })
      assert.deepEqual(
        resources.flatMap(({ kind, name }) => (kind === 'join_token' ? [] : [`${kind} ${name}`])).sort(),
        ['bot banned', 'bot builder', 'lock lost-laptop', 'role ci', 'workload_identity web'],
      )
      await authority.createJoinToken('builder')
      await authority.stop()
      return authority.pin
    })()
    const after = data.query(
      'SELECT sequence, hex(hash) AS hash FROM audit_events WHERE authority = 1 ORDER BY sequence',
    )
    assert.deepEqual(after.slice(0, before.length), before)
    assert.ok(after.length > before.length)
    assert.equal(data.query('SELECT id FROM authorities').length, 1)
    await using again = await startAuthority({ directory: data.directory })
    assert.equal(again.pin, pin)
    assert.equal((await verify(again)).intact, true)
    await again.stop()
  })

  it('loses a row that another program inserted, at the first start', async () => {
    await using data = await earlierData('schema-2')
    data.query(`INSERT INTO bot_instances SELECT 'STRANGER', bot_kind, bot_name, join_token, join_method, joined_ms,
      renewed_ms, not_after_ms, agent_version, hostname, randomblob(32) FROM bot_instances LIMIT 1`)
    await using authority = await startAuthority({ directory: data.directory })
    assert.equal(logged(authority, 'database.rows_refused').length, 1)
    assert.deepEqual(data.query(`SELECT id FROM bot_instances WHERE id = 'STRANGER'`), [])
    await authority.stop()
  })
})
