import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ListResourcesResponse__Output } from '../../src/rpc/gen/signet/v1/ListResourcesResponse.ts'
import type { VerifyAuditResponse__Output } from '../../src/rpc/gen/signet/v1/VerifyAuditResponse.ts'
import {
  type AttackedData,
  createSampleData,
  logged,
  putTwice,
  type SampleData,
  storedRole,
} from '../support/altered-database.ts'
import { joinWith, renewBot } from '../support/bot-client.ts'
import type { TestAuthority } from '../support/start-authority.ts'

const SERVICE = 'signet.v1.AdminService'
const altered = (message: RegExp) => ({ code: 'ERR_DATASTORE_ALTERED', message })
const verify = ({ admin }: TestAuthority) =>
  admin.unary<object, VerifyAuditResponse__Output>(SERVICE, 'VerifyAudit', {})

/** Waits until the finding of a commit is recorded: the next call comes after it. */
const settle = async (authority: TestAuthority): Promise<void> => void (await verify(authority))

let sample: SampleData
before(async () => {
  sample = await createSampleData()
})
after(() => sample?.[Symbol.asyncDispose]())

/** Callers get this generic message only. */
const GENERIC =
  /: the authority cannot change this now: its log says why$|^the authority cannot change this now: its log says why$/
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

async function running() {
  const data: AttackedData = await sample.copy()
  const authority = await data.start()
  return {
    data,
    authority,
    [Symbol.asyncDispose]: async () => {
      await authority[Symbol.asyncDispose]()
      await data[Symbol.asyncDispose]()
    },
  }
}

describe('an authority whose database another program writes while it runs', () => {
  it('does not accept a join token that it inserts, removes it, and logs it', async () => {
    await using rig = await running()
    rig.data.sql(
      `INSERT INTO resources VALUES ('join_token', 'mine', 998, '{"labels":{}}', '{"bot":"builder","method":"secret","max_uses":9}', 0, randomblob(32));
       INSERT INTO join_tokens VALUES ('mine', 'join_token', '${EMPTY_SHA256}', 0, 0, randomblob(32))`,
    )
    await assert.rejects(joinWith(rig.authority, 'mine', ''), { code: 'ERR_RPC_FAILED' })
    await settle(rig.authority)
    const [refused] = logged(rig.authority, 'database.rows_refused')
    const rows = (refused?.['rows'] ?? []) as { table: string }[]
    assert.deepEqual(
      rows.map(({ table }) => table),
      ['resources', 'join_tokens'],
    )
    const database = rig.data.database()
    assert.equal(database.prepare(`SELECT count(*) AS n FROM resources WHERE name = 'mine'`).get()?.['n'], 0)
    database.close()
    using bot = await joinWith(rig.authority, ...(await freshToken(rig.authority)))
    assert.equal(bot.certificate.bot, 'builder')
  })

  it('does not restore a use of a token that it resets, and stores no more changes', async () => {
    await using rig = await running()
    const { name, secret } = await rig.authority.createJoinToken('builder', 1)
    const database = rig.data.database()
    const row = database.prepare(`SELECT * FROM join_tokens WHERE name = ?`).get(name)
    using first = await joinWith(rig.authority, name, secret)
    database
      .prepare(`UPDATE join_tokens SET uses = 0, seal = ? WHERE name = ?`)
      .run(row?.['seal'] as Uint8Array, name)
    database.close()
    await assert.rejects(joinWith(rig.authority, name, secret), GENERIC)
    await assert.rejects(renewBot(rig.authority, first), GENERIC)
    await assert.rejects(rig.authority.createJoinToken('builder'), GENERIC)
  })

  it('keeps a lock in force that it deletes, keeps recording, and refuses the next start', async () => {
    await using rig = await running()
    rig.data.sql(`DELETE FROM resources WHERE kind = 'lock'`)
    const { intact, problems } = await verify(rig.authority)
    assert.equal(intact, false)
    assert.match(problems.join('\n'), /deleted or reverted from outside/)
    const { resources } = await rig.authority.admin.unary<object, ListResourcesResponse__Output>(
      SERVICE,
      'ListResources',
      { kind: 'lock' },
    )
    assert.equal(resources.length, 1)
    await rig.authority.stop()
    const { problem } = logged(rig.authority, 'database.altered')[0] ?? {}
    assert.match(String(problem), /deleted or reverted/)
    await assert.rejects(rig.data.start(), altered(/lock lost-laptop is missing/))
  })

  it('does not seal what a trigger that it adds writes', async () => {
    await using rig = await running()
    rig.data.sql(
      `CREATE TRIGGER helper AFTER INSERT ON audit_events BEGIN UPDATE resources SET spec = '{"roles":["everything"]}' WHERE name = 'builder'; END`,
    )
    await assert.rejects(rig.authority.createJoinToken('builder'), GENERIC)
    rig.data.sql('DROP TRIGGER helper')
    const { name } = await rig.authority.createJoinToken('builder')
    assert.ok(name)
  })

  it('stores no more changes once it has inserted a deleted role twice', async () => {
    await using data = await sample.copy()
    const row = storedRole(data, 'everything')
    const authority = await data.start()
    await authority.admin.unary(SERVICE, 'DeleteResource', { kind: 'role', name: 'everything' })
    putTwice(data, row)
    await assert.rejects(authority.createJoinToken('builder'), GENERIC)
    // Not even the event of its own stop.
    await assert.rejects(authority.stop(), { code: 'ERR_DATASTORE_ROWS_ALTERED' })
  })

  it('is not disturbed by a copy, a checkpoint, or readers', async () => {
    await using rig = await running()
    rig.data.sql(`PRAGMA wal_checkpoint(TRUNCATE); VACUUM INTO '${rig.data.directory}/copy.db'`)
    await rig.authority.createJoinToken('builder')
    assert.equal((await verify(rig.authority)).intact, true)
    assert.deepEqual(logged(rig.authority, 'database.altered'), [])
  })

  it('removes rows that it appends to the audit log, and continues', async () => {
    await using rig = await running()
    rig.data.sql(
      `INSERT INTO audit_events SELECT authority, sequence + 1, time_ms, event, actor, ref, detail, hash FROM audit_events ORDER BY sequence DESC LIMIT 1`,
    )
    await rig.authority.createJoinToken('builder')
    const { problems } = await verify(rig.authority)
    assert.match(
      problems.join('\n'),
      /^at row \d+ the authority found: 1 rows that this authority did not write/,
    )
  })
})

async function freshToken(authority: TestAuthority): Promise<[string, string]> {
  const { name, secret } = await authority.createJoinToken('builder')
  return [name, secret]
}
