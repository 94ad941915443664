import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Datastore } from '../../../../src/authority/datastore/datastore.ts'
import { DatastoreUnavailableError } from '../../../../src/authority/datastore/errors.ts'
import { nextOf, readMeta, writeMeta } from '../../../../src/authority/datastore/meta.ts'
import type { CommitStage, Writer } from '../../../../src/authority/datastore/writer.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { datastoreDeps } from '../../../support/datastore-deps.ts'

function open(metrics = createMetrics(), clock = new FakeClock()): Promise<Datastore> {
  return Datastore.open(':memory:', datastoreDeps({ clock, metrics }))
}

class TaskError extends Error {}

function fail(): never {
  throw new TaskError()
}

describe('Datastore.write', () => {
  it('gives the result of the task, and what it wrote is there to read', async () => {
    await using datastore = await open()
    const result = await datastore.write((writer) => {
      writeMeta(writer, 'trust_domain', 'example.org')
      return 42
    })
    assert.equal(result, 42)
    assert.equal(await readMeta(datastore, 'trust_domain'), 'example.org')
  })

  it('commits the tasks of one turn together, in their order', async () => {
    const metrics = createMetrics()
    await using datastore = await open(metrics)
    const numbers = await Promise.all(
      Array.from({ length: 100 }, () => datastore.write((writer) => nextOf(writer, 'resource_revision'))),
    )
    assert.deepEqual(
      numbers,
      Array.from({ length: 100 }, (_, index) => index + 1),
    )
    assert.match(await metrics.expose(), /signet_audit_commit_seconds_count 1\n/)
  })

  it('commits at most 256 tasks at once', async () => {
    const metrics = createMetrics()
    await using datastore = await open(metrics)
    await Promise.all(
      Array.from({ length: 257 }, () => datastore.write((writer) => nextOf(writer, 'resource_revision'))),
    )
    assert.match(await metrics.expose(), /signet_audit_commit_seconds_count 2\n/)
  })

  it('undoes a task that throws, and only that one', async () => {
    await using datastore = await open()
    const outcomes = await Promise.allSettled([
      datastore.write((writer) => writeMeta(writer, 'trust_domain', 'first')),
      datastore.write((writer) => {
        writeMeta(writer, 'trust_domain', 'second')
        fail()
      }),
      datastore.write((writer) => writeMeta(writer, 'kek_check', 'third')),
    ])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.equal(await readMeta(datastore, 'trust_domain'), 'first')
    assert.equal(await readMeta(datastore, 'kek_check'), 'third')
  })

  it('writes for a stage at the end, only what successful tasks left, once', async () => {
    await using datastore = await open()
    const written: number[][] = []
    const durable: number[][] = []
    const stage: CommitStage<number> = {
      write: (_writer, items) => written.push([...items]),
      committed: (items) => durable.push([...items]),
    }
    const leave = (n: number) => (writer: Writer) => writer.leave(stage, n)
    await Promise.allSettled([
      datastore.write(leave(1)),
      datastore.write((writer) => {
        leave(2)(writer)
        fail()
      }),
      datastore.write(leave(3)),
    ])
    assert.deepEqual([written, durable], [[[1, 3]], [[1, 3]]])
  })

  it('rejects every task of a commit whose stage fails, and keeps nothing', async () => {
    await using datastore = await open()
    const stage: CommitStage<number> = { write: fail, committed: fail }
    const outcomes = await Promise.allSettled([
      datastore.write((writer) => writeMeta(writer, 'trust_domain', 'lost')),
      datastore.write((writer) => writer.leave(stage, 1)),
    ])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.equal(await readMeta(datastore, 'trust_domain'), undefined)
  })

  it('calls back after the commit, before the promise resolves, and never for a task that failed', async () => {
    await using datastore = await open()
    const seen: string[] = []
    await datastore.write((writer) => writer.afterCommit(() => seen.push('committed')))
    seen.push('resolved')
    await datastore
      .write((writer) => {
        writer.afterCommit(() => seen.push('never'))
        fail()
      })
      .catch(() => seen.push('failed'))
    assert.deepEqual(seen, ['committed', 'resolved', 'failed'])
  })

  it('keeps a change whose listener fails', async () => {
    await using datastore = await open()
    await datastore.write((writer) => {
      writeMeta(writer, 'trust_domain', 'kept')
      writer.afterCommit(fail)
    })
    assert.equal(await readMeta(datastore, 'trust_domain'), 'kept')
  })

  it('writes what waits when it is closed, and refuses what comes later', async () => {
    const datastore = await open()
    const waiting = datastore.write((writer) => nextOf(writer, 'resource_revision'))
    await datastore[Symbol.asyncDispose]()
    assert.equal(await waiting, 1)
    await assert.rejects(
      datastore.write(() => 1),
      { code: 'ERR_DATASTORE_UNAVAILABLE' },
    )
  })
})

describe('Datastore.db', () => {
  it('cannot write', async () => {
    await using datastore = await open()
    await assert.rejects(
      datastore.db.insertInto('meta').values({ key: 'a', value: 'b' }).execute(),
      /readonly/,
    )
  })

  it('is another database for each one in memory', async () => {
    await using one = await open()
    await using other = await open()
    await one.write((writer) => writeMeta(writer, 'trust_domain', 'one'))
    assert.equal(await readMeta(other, 'trust_domain'), undefined)
  })
})

describe('Datastore.problem', () => {
  const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve))

  it('says that nothing can be stored, until a try of its own goes well', async () => {
    const clock = new FakeClock()
    await using datastore = await open(createMetrics(), clock)
    assert.equal(datastore.problem, undefined)
    const full = (): never => {
      throw new DatastoreUnavailableError('the disk is full')
    }
    await assert.rejects(datastore.write(full), { code: 'ERR_DATASTORE_UNAVAILABLE' })
    assert.equal(datastore.problem, 'the disk is full')
    clock.advance(4999)
    await turn()
    assert.equal(datastore.problem, 'the disk is full')
    clock.advance(1)
    await turn()
    assert.equal(datastore.problem, undefined)
    assert.equal(clock.waiting, 0)
  })

  it('says that the disk is slow, until it is not', async () => {
    const clock = new FakeClock()
    await using datastore = await open(createMetrics(), clock)
    await datastore.write(() => clock.advance(3200))
    assert.equal(datastore.problem, 'the disk is slow: the last commit took 3.2 s')
    await datastore.write(() => undefined)
    assert.equal(datastore.problem, undefined)
  })

  it('is of no interest any more when it is closed', async () => {
    const clock = new FakeClock()
    const datastore = await open(createMetrics(), clock)
    await datastore.write(() => clock.advance(3200))
    await datastore[Symbol.asyncDispose]()
    assert.equal(clock.waiting, 0)
  })
})
