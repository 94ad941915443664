import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type IssuanceApiDeps, issuanceHandlers } from '../../../../src/authority/api/issuance-service.ts'
import { SvidRate } from '../../../../src/authority/issuance/svid-rate.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const caller = (instanceId: string) => ({ kind: 'bot', bot: 'builder', instanceId })

describe('how many SVIDs one agent gets', () => {
  /** Requests this many as that instance. */
  function create(svidsPerSecond: number) {
    const clock = new FakeClock()
    const rate = new SvidRate(svidsPerSecond, clock)
    const deps = {
      issuer: { issueX509: async () => [], issueJwt: async () => [] },
      connections: { use: ({ instanceId }: { instanceId: string }) => ({ id: instanceId, joinedMs: 0 }) },
      clock,
      rate,
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
    return { clock, rate, ask }
  }
  const limited = { code: 'ERR_AUTHORITY_RATE_LIMITED' }

  it('is limited over an average of ten minutes, for X.509 and JWT together, and for each agent separately', async () => {
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

  it('keeps a quarter for X.509-SVIDs, however many tokens are requested', async () => {
    const { clock, ask } = create(2)
    await ask('a', 900, 'IssueJwtSvids')
    await assert.rejects(ask('a', 1, 'IssueJwtSvids'), limited)
    await ask('a', 300)
    await assert.rejects(ask('a', 1), limited)
    clock.advance(100_000)
    await assert.rejects(ask('a', 1, 'IssueJwtSvids'), limited)
    await ask('a', 200)
  })

  it('follows a new rate at once: of a full bucket, what the new one holds is left', async () => {
    const { clock, rate, ask } = create(1000)
    await ask('a', 1)
    rate.limit(2)
    await ask('a', 1000)
    await ask('a', 200)
    await assert.rejects(ask('a', 1), limited)
    await ask('b', 900, 'IssueJwtSvids')
    await assert.rejects(ask('b', 1, 'IssueJwtSvids'), limited)
    rate.limit(100)
    clock.advance(1_000)
    await ask('a', 100)
    await assert.rejects(ask('a', 1), limited)
  })

  it('counts a long request as several', async () => {
    const { ask } = create(2)
    const claim = { workloadAttributesJson: 'x'.repeat(3_900), spiffeId: 'x'.repeat(1_200) }
    await ask('a', 240, 'IssueX509Svids', claim)
    await assert.rejects(ask('a', 1), limited)
    await ask('b', 1000, 'IssueX509Svids', claim)
  })

  it('counts characters by the bytes that JSON takes for them', async () => {
    const { ask } = create(2)
    await ask('a', 240, 'IssueX509Svids', { spiffeId: '\u0001'.repeat(850) })
    await assert.rejects(ask('a', 1), limited)
    await ask('b', 300, 'IssueX509Svids', {
      workloadAttributesJson: 'ä'.repeat(1_500),
      spiffeId: '"'.repeat(400),
    })
    await assert.rejects(ask('b', 1), limited)
  })

  it('always has room for the longest request, and takes nothing for one that is too long', async () => {
    const { ask } = create(1)
    await assert.rejects(ask('a', 1001), { code: 'ERR_ISSUANCE_BATCH_TOO_LONG' })
    await ask('a', 1000)
    await ask('b', 1000, 'IssueJwtSvids')
  })
})

describe('the reason that an agent gives for a request', () => {
  const NOW_MS = Date.parse('2026-01-01T00:00:00Z')
  const cases = [
    [{ occasion: 'OCCASION_CALL', holders: 5 }, { occasion: 'call' }],
    [{ occasion: 'OCCASION_UNSPECIFIED' }, {}],
    [
      { occasion: 'OCCASION_RENEWAL', holders: 3, askedMs: '-1' },
      { occasion: 'renewal', holders: 3 },
    ],
    [
      { occasion: 'OCCASION_RENEWAL', holders: 4e9 },
      { occasion: 'renewal', holders: 1_000_000, adjusted: true },
    ],
    [
      { occasion: 'OCCASION_RENEWAL', askedMs: `${NOW_MS - 1}` },
      { occasion: 'renewal', holders: 0, askedMs: NOW_MS - 1 },
    ],
    [
      { occasion: 'OCCASION_RENEWAL', askedMs: '0' },
      { occasion: 'renewal', holders: 0 },
    ],
    [
      { occasion: 'OCCASION_RENEWAL', askedMs: '9223372036854775807' },
      { occasion: 'renewal', holders: 0, askedMs: NOW_MS + 60_000, adjusted: true },
    ],
    [
      { occasion: 'OCCASION_RENEWAL', askedMs: '-5' },
      { occasion: 'renewal', holders: 0, askedMs: NOW_MS - 3_660_000, adjusted: true },
    ],
  ] as const
  for (const [said, understood] of cases) {
    it(`is read: ${JSON.stringify(said)}`, async () => {
      let asked: object | undefined
      const issueX509 = async (
        _actor: string,
        _instance: object,
        [request]: [{ claim: { asked: object } }],
      ) => {
        asked = request.claim.asked
        return []
      }
      const clock = new FakeClock(NOW_MS)
      const deps = {
        issuer: { issueX509 },
        connections: { use: () => ({ id: 'a', joinedMs: NOW_MS - 3_600_000 }) },
        clock,
        rate: new SvidRate(1, clock),
      } as unknown as IssuanceApiDeps
      const { IssueX509Svids } = issuanceHandlers(deps) as unknown as {
        IssueX509Svids: { unary(caller: object, request: object): Promise<object> }
      }
      const claim = { workloadAttributesJson: '{}', spiffeId: '', holders: 0, askedMs: '0', ...said }
      await IssueX509Svids.unary(caller('a'), { requests: [{ claim }] })
      assert.deepEqual(asked, understood)
    })
  }
})
