import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { VerifyAuditResponse__Output } from '../../src/rpc/gen/signet/v1/VerifyAuditResponse.ts'
import {
  type AttackedData,
  createSampleData,
  logged,
  putTwice,
  type SampleData,
  storedRole,
} from '../support/altered-database.ts'
import { becomeFormer, stripSeals } from '../support/former-database.ts'
import type { TestAuthority } from '../support/start-authority.ts'

const SERVICE = 'signet.v1.AdminService'
const altered = (message: RegExp) => ({ code: 'ERR_DATASTORE_ALTERED', message })
const verify = ({ admin }: TestAuthority) =>
  admin.unary<object, VerifyAuditResponse__Output>(SERVICE, 'VerifyAudit', {})

let sample: SampleData
before(async () => {
  sample = await createSampleData()
})
after(() => sample?.[Symbol.asyncDispose]())

const STRANGER = `INSERT INTO signing_keys (id, purpose, state, key_id, certificate, public_key, sealed_private_key, not_before_ms,
  not_after_ms, created_ms) SELECT 'STRANGER', purpose, 'retired', 'aa', certificate, public_key, x'', not_before_ms, not_after_ms,
  created_ms FROM signing_keys WHERE purpose = 'spiffe_x509' AND state = 'active'`

function withDatabase(
  data: AttackedData,
  task: (database: ReturnType<AttackedData['database']>) => void,
): void {
  const database = data.database()
  task(database)
  database.close()
}

async function makeFormer(data: AttackedData, sql = ''): Promise<void> {
  const database = data.database()
  await becomeFormer(path.join(data.directory, 'data'), path.join(data.directory, 'keys', 'kek'), database)
  database.exec(sql)
  database.close()
}

describe('a database whose seals another program removed', () => {
  const attacks: Readonly<Record<string, readonly [sql: string, message: RegExp]>> = {
    'the record of all rows': ['DELETE FROM sealed_state', /the seals of the database are gone/],
    'the table of that record': ['DROP TABLE sealed_state', /the seals of the database are gone/],
    'the count in that record': [
      'UPDATE sealed_state SET commits = commits + 1',
      /not made by this authority/,
    ],
    'the id in that record': [
      `UPDATE sealed_state SET database_id = zeroblob(16)`,
      /not made by this authority/,
    ],
    'the format of that record': [`UPDATE sealed_state SET mac = 7`, /the seals of the database are gone/],
    'the record of the migration': [
      'DELETE FROM schema_migrations WHERE number = 2',
      /rows were deleted or reverted/,
    ],
    'the seals of all rows': [
      'UPDATE meta SET seal = NULL; UPDATE resources SET seal = NULL',
      /rows were deleted or reverted/,
    ],
  }
  for (const [what, [sql, message]] of Object.entries(attacks)) {
    it(`is refused: ${what}`, async () => {
      await using data = await sample.copy()
      data.sql(sql)
      await assert.rejects(data.start(), altered(message))
    })
  }

  it('is refused without any seals', async () => {
    await using data = await sample.copy()
    withDatabase(data, stripSeals)
    data.sql(STRANGER)
    await assert.rejects(data.start(), altered(/the seals of the database are gone/))
  })

  it('is also refused if the key of the signed heads is gone', async () => {
    await using data = await sample.copy()
    withDatabase(data, stripSeals)
    await rm(path.join(data.directory, 'data', 'audit-head.key'))
    await assert.rejects(data.start(), altered(/the seals of the database are gone/))
  })

  it('is refused if the database file itself is gone', async () => {
    await using data = await sample.copy()
    for (const name of ['authority.db', 'authority.db-wal', 'authority.db-shm']) {
      await rm(path.join(data.directory, 'data', name), { force: true })
    }
    await assert.rejects(data.start(), altered(/the database of this data directory is gone/))
  })

  for (const [what, sql] of Object.entries({
    'a trigger': `CREATE TRIGGER helper AFTER INSERT ON audit_events BEGIN UPDATE resources SET spec = '{"roles":["everything"]}'; END`,
    'a view': `CREATE VIEW helper AS SELECT * FROM resources`,
    'another default': `CREATE TABLE helper (a INTEGER DEFAULT 7)`,
  })) {
    it(`is refused with ${what} that was added`, async () => {
      await using data = await sample.copy()
      data.sql(sql)
      await assert.rejects(data.start(), altered(/the table definitions in the database were changed/))
    })
  }

  it('is refused with a deleted role that was inserted again twice', async () => {
    await using data = await sample.copy()
    const row = storedRole(data, 'everything')
    await using before = await data.start()
    await before.admin.unary(SERVICE, 'DeleteResource', { kind: 'role', name: 'everything' })
    await before.stop()
    putTwice(data, row)
    await assert.rejects(
      data.start({ acceptAltered: true }),
      altered(/\(role everything\) occurs more than once/),
    )
  })

  it('may have statistics that an administrator created', async () => {
    await using data = await sample.copy()
    data.sql('ANALYZE; VACUUM')
    await using authority = await data.start()
    assert.equal((await verify(authority)).intact, true)
  })

  for (const [what, sql] of Object.entries({
    gone: `DELETE FROM meta WHERE key = 'resource_revision'`,
    'set back': `UPDATE meta SET value = '1' WHERE key = 'resource_revision'`,
  })) {
    it(`once accepted, continues above its highest revision although the revision counter was ${what}`, async () => {
      await using data = await sample.copy()
      data.sql(sql)
      await using accepted = await data.start({ acceptAltered: true })
      await accepted.apply(`kind: bot\nversion: v1\nmetadata: { name: later }\nspec: { roles: [] }`)
      await accepted.stop()
      const database = data.database()
      const newest = database.prepare('SELECT name FROM resources ORDER BY revision DESC LIMIT 1').get()
      database.close()
      assert.equal(newest?.['name'], 'later')
      await using later = await data.start()
      assert.deepEqual(logged(later, 'database.rows_refused'), [])
    })
  }

  it('is accepted once at the administrator’s request, and verification still reports it', async () => {
    await using data = await sample.copy()
    data.sql(`DELETE FROM resources WHERE kind = 'lock'; ${STRANGER}`)
    await assert.rejects(data.start(), altered(/lock lost-laptop is missing.*--accept-altered-database/))
    const accepted = await data.start({ acceptAltered: true })
    assert.match(String(logged(accepted, 'database.accepted')[0]?.['problem']), /lock lost-laptop is missing/)
    assert.equal(logged(accepted, 'database.rows_refused').length, 1, 'what is not ours is not accepted')
    await accepted.stop()
    await using later = await data.start()
    assert.deepEqual(logged(later, 'database.accepted'), [])
    assert.match((await verify(later)).problems.join('\n'), /lock lost-laptop is missing/)
  })

  it('is refused if it is an older copy', async () => {
    await using data = await sample.copy()
    await using older = await sample.copy()
    const running = await data.start()
    await running.admin.unary(SERVICE, 'DeleteResource', { kind: 'lock', name: 'lost-laptop' })
    await running.stop()
    const file = (of: AttackedData): string => path.join(of.directory, 'data', 'authority.db')
    await cp(file(older), file(data))
    await assert.rejects(data.start(), altered(/older than the last signed head/))
  })
})

describe('a database from before rows were sealed', () => {
  it('is sealed once, as it is, and the log says so', async () => {
    await using data = await sample.copy()
    await makeFormer(data)
    const first = await data.start()
    assert.equal(logged(first, 'database.sealed').length, 1)
    assert.equal((await verify(first)).intact, true)
    assert.deepEqual(logged(first, 'database.rows_refused'), [])
    await first.stop()
    const second = await data.start()
    assert.deepEqual(logged(second, 'database.sealed'), [])
    assert.equal((await verify(second)).intact, true)
    await second.stop()
    withDatabase(data, stripSeals)
    await assert.rejects(data.start(), altered(/the seals of the database are gone/))
  })

  it('is sealed without rows that the audit log does not account for', async () => {
    await using data = await sample.copy()
    await makeFormer(
      data,
      `${STRANGER}; INSERT INTO resources VALUES ('role', 'mine', 900, '{"labels":{}}', '{"allow":[]}', 0);
       UPDATE resources SET spec = replace(spec, 'ci', 'everything'), revision = 901 WHERE name = 'banned'`,
    )
    await using authority = await data.start()
    const [refused] = logged(authority, 'database.rows_refused')
    assert.equal(refused?.['count'], 3)
  })
})
