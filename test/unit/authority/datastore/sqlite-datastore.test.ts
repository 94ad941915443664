import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { DatastoreUnavailableError } from '../../../../src/authority/datastore/errors.ts'
import { readMeta, writeMeta } from '../../../../src/authority/datastore/meta.ts'
import { takeRevisions } from '../../../../src/authority/datastore/revisions.ts'
import { SqliteDatastore } from '../../../../src/authority/datastore/sqlite/sqlite-datastore.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { datastoreDeps, execute } from '../../../support/datastore-deps.ts'
import { auditSinkContract } from './contract/audit-sink.ts'
import { changeFeedContract } from './contract/change-feed.ts'
import type { Engine } from './contract/engine.ts'
import { revisionsContract } from './contract/revisions.ts'
import { transactionsContract } from './contract/transactions.ts'

const engine: Engine = {
  name: 'SQLite',
  open: (deps) => SqliteDatastore.open(':memory:', datastoreDeps(deps)),
}

transactionsContract(engine)
auditSinkContract(engine)
changeFeedContract(engine)
revisionsContract(engine)

function open(clock = new FakeClock(), metrics = createMetrics()): Promise<SqliteDatastore> {
  return SqliteDatastore.open(':memory:', datastoreDeps({ clock, metrics }))
}

describe('a commit of SqliteDatastore', () => {
  it('takes the tasks of one turn together, at most 256 of them', async () => {
    const metrics = createMetrics()
    await using datastore = await open(new FakeClock(), metrics)
    const count = (tasks: number) =>
      Promise.all(Array.from({ length: tasks }, () => datastore.transaction((tx) => takeRevisions(tx))))
    await count(256)
    assert.match(metrics.expose(), /signet_audit_commit_seconds_count 1\n/)
    await count(257)
    assert.match(metrics.expose(), /signet_audit_commit_seconds_count 3\n/)
  })

  it('delays maintenance of the file until it ends', async () => {
    await using datastore = await open()
    const done = await Promise.all([
      datastore.transaction((tx) => takeRevisions(tx)),
      datastore.flush(),
      datastore.transaction((tx) => takeRevisions(tx)),
      datastore.shrink(),
    ])
    assert.deepEqual([done[0], done[2]], [1, 2])
  })
})

describe('SqliteDatastore.db', () => {
  it('cannot write', async () => {
    await using datastore = await open()
    await assert.rejects(datastore.db.insertInto('meta').values({ key: 'a', value: 'b' }).execute(), {
      message: /readonly/,
    })
  })

  it('is a separate database for each one in memory', async () => {
    await using one = await open()
    await using other = await open()
    await one.transaction((tx) => writeMeta(tx, 'trust_domain', 'one'))
    assert.equal(await readMeta(other, 'trust_domain'), undefined)
  })
})

describe('SqliteDatastore.problem', () => {
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await setImmediate()
  }

  it('says that nothing can be stored, until a probe succeeds', async () => {
    const clock = new FakeClock()
    await using datastore = await open(clock)
    assert.equal(datastore.problem, undefined)
    const full = async (): Promise<never> => {
      throw new DatastoreUnavailableError('the disk is full')
    }
    await assert.rejects(datastore.transaction(full), { code: 'ERR_DATASTORE_UNAVAILABLE' })
    assert.equal(datastore.problem, 'the disk is full')
    clock.advance(4999)
    await turns()
    assert.equal(datastore.problem, 'the disk is full')
    clock.advance(1)
    await turns()
    assert.equal(datastore.problem, undefined)
    assert.equal(clock.waiting, 0)
  })

  it('says that the disk is slow, until it is not', async () => {
    const clock = new FakeClock()
    await using datastore = await open(clock)
    const slow = async (): Promise<void> => clock.advance(3200)
    await datastore.transaction(slow)
    assert.equal(datastore.problem, 'the disk is slow: the last commit took 3.2 s')
    await datastore.transaction(async () => undefined)
    assert.equal(datastore.problem, undefined)
  })

  it('stops probing when it is closed', async () => {
    const clock = new FakeClock()
    const datastore = await open(clock)
    await datastore.transaction(async () => clock.advance(3200))
    await datastore[Symbol.asyncDispose]()
    assert.equal(clock.waiting, 0)
  })
})

describe('a storage failure', () => {
  it('fails everything in its commit, and none of it is kept', async () => {
    await using datastore = await open()
    const outcomes = await Promise.allSettled([
      datastore.transaction((tx) => writeMeta(tx, 'trust_domain', 'lost')),
      datastore.transaction(() => Promise.reject(new DatastoreUnavailableError('the disk is full'))),
      datastore.transaction((tx) => execute(tx, 'SELECT 1')),
    ])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'rejected', 'fulfilled'],
    )
    assert.equal(await readMeta(datastore, 'trust_domain'), undefined)
  })
})
