import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AuditChain, CHAIN_START } from '../../../../../src/authority/audit/chain.ts'
import { readMeta, writeMeta } from '../../../../../src/authority/datastore/meta.ts'
import type { AuditChaining, Datastore } from '../../../../../src/authority/datastore/ports.ts'
import { createMetrics } from '../../../../../src/foundation/metrics.ts'
import { FakeClock } from '../../../../fakes/fake-clock.ts'
import { type Engine, fail, openWith, TaskError } from './engine.ts'

const event = (reason: string) => ({ event: 'authority.stopped', actor: 'authority', detail: { reason } })

function openSink(datastore: Datastore, onCommitted = (): void => undefined) {
  const chain = new AuditChain({ sequence: 0, hash: CHAIN_START }, new FakeClock(), onCommitted)
  return datastore.openAuditSink(chain)
}

async function stored(datastore: Datastore): Promise<string[]> {
  const query = datastore.db.selectFrom('audit_events').select(['sequence', 'detail']).orderBy('sequence')
  const rows = await query.execute()
  return rows.map(({ sequence, detail }) => `${sequence} ${JSON.parse(detail).reason}`)
}

export function auditSinkContract(engine: Engine): void {
  describe(`audit rows on ${engine.name}`, () => {
    it('are durable when the promise resolves, in the order of the calls, without gaps', async () => {
      await using datastore = await openWith(engine)
      const sink = openSink(datastore)
      await sink.append([event('a'), event('b')])
      assert.deepEqual(await stored(datastore), ['1 a', '2 b'])
      await Promise.all(['c', 'd', 'e'].map((reason) => sink.append([event(reason)])))
      assert.deepEqual(await stored(datastore), ['1 a', '2 b', '3 c', '4 d', '5 e'])
    })

    it('of one turn of the event loop are one commit, of at most 256 appends', async () => {
      const metrics = createMetrics()
      await using datastore = await openWith(engine, { metrics })
      const sink = openSink(datastore)
      await Promise.all(Array.from({ length: 256 }, () => sink.append([event('a')])))
      assert.match(metrics.expose(), /signet_audit_commit_seconds_count 1\n/)
      await Promise.all(Array.from({ length: 257 }, () => sink.append([event('a')])))
      assert.match(metrics.expose(), /signet_audit_commit_seconds_count 3\n/)
    })

    it('of a state change commit with it, in order with the others', async () => {
      await using datastore = await openWith(engine)
      const sink = openSink(datastore)
      await Promise.all([
        sink.append([event('before')]),
        datastore.transaction(async (tx) => {
          tx.append(event('within'))
          await writeMeta(tx, 'trust_domain', 'example.org')
        }),
        sink.append([event('after')]),
      ])
      assert.deepEqual(await stored(datastore), ['1 before', '2 within', '3 after'])
      assert.equal(await readMeta(datastore, 'trust_domain'), 'example.org')
    })

    it('of a state change that fails do not exist, and leave no gap', async () => {
      await using datastore = await openWith(engine)
      const sink = openSink(datastore)
      const failing = datastore.transaction(async (tx) => {
        tx.append(event('never'))
        fail()
      })
      await Promise.allSettled([sink.append([event('1')]), failing, sink.append([event('2')])])
      await assert.rejects(failing, TaskError)
      assert.deepEqual(await stored(datastore), ['1 1', '2 2'])
    })

    it('that cannot be written fail the state change', async () => {
      await using datastore = await openWith(engine)
      const broken: AuditChaining = { extend: fail, committed: fail }
      datastore.openAuditSink(broken)
      const failing = datastore.transaction(async (tx) => {
        await writeMeta(tx, 'trust_domain', 'lost')
        tx.append(event('lost'))
      })
      await assert.rejects(failing, TaskError)
      assert.equal(await readMeta(datastore, 'trust_domain'), undefined)
    })

    it('are announced after the commit, once for all of them', async () => {
      await using datastore = await openWith(engine)
      const told: string[] = []
      const sink = openSink(datastore, () => told.push('committed'))
      await Promise.all([sink.append([event('a')]), sink.append([event('b')])])
      told.push('resolved')
      assert.deepEqual(told, ['committed', 'resolved'])
    })
  })
}
