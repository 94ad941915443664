import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type IssuanceApiDeps, issuanceHandlers } from '../../../../src/authority/api/issuance-service.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const caller = (instanceId: string) => ({ kind: 'bot', bot: 'builder', instanceId })

describe('how many SVIDs one agent gets', () => {
  /** Asks for so many as that instance. */
  function create(svidsPerSecond: number) {
    const clock = new FakeClock()
    const deps = {
      issuer: { issueX509: async () => [], issueJwt: async () => [] },
      connections: { use: ({ instanceId }: { instanceId: string }) => ({ id: instanceId }) },
      clock,
      svidsPerSecond,
    } as unknown as IssuanceApiDeps
    const handlers = issuanceHandlers(deps) as unknown as {
      [method: string]: { unary(caller: unknown, request: object): Promise<object> }
    }
    const ask = async (
      instanceId: string,
      count: number,
      method = 'IssueX509Svids',
      claim: object | null = null,
    ): Promise<void> => {
      const requests = Array.from({ length: count }, () => ({ claim, audience: [] }))
      await handlers[method]?.unary(caller(instanceId), { requests })
    }
    return { clock, ask }
  }
  const limited = { code: 'ERR_AUTHORITY_RATE_LIMITED' }

  it('is bounded on the average of ten minutes, X.509 and JWT together, and for each agent by itself', async () => {
    const { clock, ask } = create(2)
    await ask('a', 700, 'IssueJwtSvids')
    await ask('a', 500)
    await assert.rejects(ask('a', 1), limited)
    await assert.rejects(ask('a', 1, 'IssueJwtSvids'), limited)
    await ask('b', 1000)
    clock.advance(5_000)
    await assert.rejects(ask('a', 11), limited)
    await ask('a', 10)
  })

  it('keeps a quarter for X.509-SVIDs, whatever tokens are asked for', async () => {
    const { clock, ask } = create(2)
    await ask('a', 900, 'IssueJwtSvids')
    await assert.rejects(ask('a', 1, 'IssueJwtSvids'), limited)
    await ask('a', 300)
    await assert.rejects(ask('a', 1), limited)
    clock.advance(100_000)
    await assert.rejects(ask('a', 1, 'IssueJwtSvids'), limited)
    await ask('a', 200)
  })

  it('counts what is asked at length as several', async () => {
    const { ask } = create(2)
    const claim = { workloadAttributesJson: 'x'.repeat(3_900), spiffeId: 'x'.repeat(1_200) }
    await ask('a', 240, 'IssueX509Svids', claim)
    await assert.rejects(ask('a', 1), limited)
    await ask('b', 1000, 'IssueX509Svids', claim)
  })

  it('always has room for the longest request, and is not touched by one that is too long', async () => {
    const { ask } = create(1)
    await assert.rejects(ask('a', 1001), { code: 'ERR_ISSUANCE_BATCH_TOO_LONG' })
    await ask('a', 1000)
    await ask('b', 1000, 'IssueJwtSvids')
  })
})
