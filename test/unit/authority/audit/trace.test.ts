import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AuditChain, CHAIN_START } from '../../../../src/authority/audit/chain.ts'
import { traceSvid } from '../../../../src/authority/audit/trace.ts'
import { SqliteDatastore } from '../../../../src/authority/datastore/sqlite/sqlite-datastore.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { datastoreDeps } from '../../../support/datastore-deps.ts'

const AGENT = 'bot:builder/1'
const svids = [{ spiffeId: 'spiffe://example.org/a', jti: 'J' }]

/** The trace of `J` in a log of these rows, the first of which issues it. */
async function trace(...rows: readonly (readonly [event: string, actor: string, detail: object])[]) {
  await using datastore = await SqliteDatastore.open(':memory:', datastoreDeps())
  const all = [['jwt_svid.issued', AGENT, { jti: 'J' }] as const, ...rows]
  const chain = new AuditChain({ sequence: 0, hash: CHAIN_START }, new FakeClock(), () => undefined)
  await datastore.openAuditSink(chain).append(all.map(([event, actor, detail]) => ({ event, actor, detail })))
  const found = await traceSvid(datastore, 'J', all.length)
  assert.ok(found)
  return { delivered: found.delivered.length, givenUp: found.givenUp.length, isCut: found.isCut }
}

const many = <T>(count: number, row: T): T[] => Array.from({ length: count }, () => row)
const delivered = ['svid.delivered', AGENT, { svids }] as const
const lost = ['report.given_up', AGENT, { count: 1 }] as const

describe('the trace of an SVID', () => {
  it('has what its agent delivered and dropped, summed or not, and nothing that another agent says', async () => {
    assert.deepEqual(
      await trace(
        delivered,
        lost,
        ['report.given_up_more', AGENT, { count: 5 }],
        ['svid.delivered', 'bot:builder/2', { svids }],
        ['report.given_up', 'bot:builder/2', { count: 1 }],
      ),
      { delivered: 1, givenUp: 2, isCut: false },
    )
  })

  it('has deliveries even after very many dropped reports, and says that it is cut', async () => {
    assert.deepEqual(await trace(...many(10_001, lost), delivered), {
      delivered: 1,
      givenUp: 10_000,
      isCut: true,
    })
  })

  it('is never longer than a message, however long its rows are', async () => {
    const long = ['svid.delivered', AGENT, { svids, padding: 'x'.repeat(16_000) }] as const
    const found = await trace(...many(1_100, long), lost)
    assert.ok(found.delivered > 1_000 && found.delivered < 1_050)
    assert.deepEqual([found.givenUp, found.isCut], [1, true])
  })
})
