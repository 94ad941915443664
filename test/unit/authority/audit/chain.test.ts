import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AuditChain, CHAIN_START, hashRow } from '../../../../src/authority/audit/chain.ts'
import type { AuditEntry } from '../../../../src/authority/audit/events.ts'
import { verifyAudit } from '../../../../src/authority/audit/verify.ts'
import { SqliteDatastore } from '../../../../src/authority/datastore/sqlite/sqlite-datastore.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { datastoreDeps, execute } from '../../../support/datastore-deps.ts'

const row = { sequence: 1, time_ms: 2, event: 'a', actor: 'b', ref: null, detail: '{}' }
const entry = (reason: string): AuditEntry => ({
  event: 'authority.stopped',
  actor: 'authority',
  detail: { reason },
})

async function open() {
  const clock = new FakeClock()
  const datastore = await SqliteDatastore.open(':memory:', datastoreDeps({ clock }))
  const chain = new AuditChain({ sequence: 0, hash: CHAIN_START }, clock, () => undefined)
  const sink = datastore.openAuditSink(chain)
  const append = (reason: string) => sink.append([entry(reason)])
  const tamper = (sql: string) => datastore.transaction((tx) => execute(tx, sql))
  const verify = () => verifyAudit(datastore, { heads: { heads: [], badLines: [] } })
  return { datastore, chain, append, tamper, verify }
}

describe('hashRow', () => {
  const changed = [
    { sequence: 2 },
    { time_ms: 3 },
    { event: 'x' },
    { actor: 'x' },
    { ref: 'x' },
    { ref: '' },
    { detail: '{"a":1}' },
    { event: 'a","b', actor: '' },
  ]
  for (const change of changed) {
    it(`changes with ${JSON.stringify(change)}`, () => {
      assert.notDeepEqual(hashRow(CHAIN_START, { ...row, ...change }), hashRow(CHAIN_START, row))
    })
  }
  it('changes with the previous row', () => {
    assert.notDeepEqual(hashRow(Buffer.alloc(32, 1), row), hashRow(CHAIN_START, row))
  })
})

describe('AuditChain', () => {
  it('numbers rows without gaps, in the order of the tasks, skipping those that fail', async () => {
    const { datastore, append, verify } = await open()
    await using _datastore = datastore
    const failing = datastore.transaction(async (tx) => {
      tx.append(entry('never'))
      throw new TypeError('on purpose')
    })
    await Promise.allSettled([append('1'), failing, append('2'), append('3')])
    await append('4')
    const rows = await datastore.db.selectFrom('audit_events').select(['sequence', 'detail']).execute()
    assert.deepEqual(
      rows.map(({ sequence, detail }) => [sequence, JSON.parse(detail).reason]),
      [
        [1, '1'],
        [2, '2'],
        [3, '3'],
        [4, '4'],
      ],
    )
    assert.deepEqual(await verify(), {
      intact: true,
      events: 4,
      heads: 0,
      headsGiven: 0,
      lastHead: undefined,
      problems: [],
      signedInArchives: [],
    })
  })

  it('continues from the last durable row when a commit fails', async () => {
    const { datastore, chain, append, tamper, verify } = await open()
    await using _datastore = datastore
    await append('1')
    await tamper(`CREATE TRIGGER full BEFORE INSERT ON audit_events
      WHEN NEW.detail LIKE '%second%' BEGIN SELECT RAISE(ABORT, 'no'); END`)
    await assert.rejects(Promise.all([append('first'), append('second')]), /no/)
    await tamper('DROP TRIGGER full')
    await append('2')
    assert.equal(chain.end.sequence, 2)
    assert.equal((await verify()).intact, true)
  })
})

describe('verifyAudit', () => {
  const tampers = [
    [
      `UPDATE audit_events SET detail = '{"reason":"x"}' WHERE sequence = 2`,
      'row 2 (authority.stopped) was changed',
    ],
    [`UPDATE audit_events SET actor = 'nobody' WHERE sequence = 1`, 'row 1 (authority.stopped) was changed'],
    [
      `UPDATE audit_events SET hash = zeroblob(32) WHERE sequence = 4`,
      'row 4 (authority.stopped) was changed',
    ],
    ['DELETE FROM audit_events WHERE sequence = 2', 'row 2 is missing'],
    ['DELETE FROM audit_events WHERE sequence IN (1, 2)', 'rows 1 to 2 are missing'],
  ] as const
  for (const [sql, problem] of tampers) {
    it(`reports: ${problem}`, async () => {
      const { datastore, append, tamper, verify } = await open()
      await using _datastore = datastore
      for (const reason of ['1', '2', '3', '4']) await append(reason)
      await tamper(sql)
      const { intact, problems } = await verify()
      assert.deepEqual({ intact, first: problems[0] }, { intact: false, first: problem })
    })
  }
})
