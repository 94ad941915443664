import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { conditionOf, type Facts, type State } from '../../../../src/agent/condition/condition.ts'
import { tellCondition } from '../../../../src/agent/condition/tell-condition.ts'
import { createLogger } from '../../../../src/foundation/logger.ts'
import { RpcError, StatusCode } from '../../../../src/rpc/status.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const NOW = Date.parse('2026-01-01T03:00:00Z')
const WELL: Facts = {
  nowMs: NOW,
  authority: 'authority.example.org:7443',
  botExpiresMs: NOW + 3_600_000,
  isConnected: true,
  isInformed: true,
  botLock: undefined,
  join: undefined,
  renewal: undefined,
  sync: undefined,
  svids: { held: 2, missing: 0 },
  clockSkewMs: 200,
}
const failing = (error: Error) => ({ error, count: 3, sinceMs: NOW - 60_000, nextMs: NOW + 5_000 })
const AWAY = failing(new RpcError(StatusCode.UNAVAILABLE, 'cannot reach it (refused)', { unreachable: true }))
const REFUSED = failing(
  new RpcError(StatusCode.PERMISSION_DENIED, 'refused, reference ABCD', { reference: 'ABCD' }),
)
const CUT = { isConnected: false, sync: AWAY }
const LOCK = 'a lock on the bot of this agent'

const CASES: readonly (readonly [string, Partial<Facts>, State, boolean, RegExp?])[] = [
  ['all is well', {}, 'ready', true],
  ['it has not tried to join yet', { botExpiresMs: undefined }, 'starting', false],
  [
    'it cannot join',
    { botExpiresMs: undefined, join: AWAY },
    'joining',
    false,
    /not joined to authority\.example\.org:7443: cannot reach it \(refused\) \(3 attempts since 2026-01-01T02:59:00Z\)/,
  ],
  ['its bot is locked', { botLock: LOCK }, 'locked', false, /locked: a lock on the bot.*signet unlock/],
  ['its bot is locked and the authority is away', { ...CUT, botLock: LOCK }, 'locked', false],
  [
    'the authority refuses it',
    { isConnected: false, sync: REFUSED },
    'refused',
    false,
    /refuses this agent: refused.*signet audit list --ref ABCD.*token create/,
  ],
  [
    'its renewal was refused, and then the authority went away',
    { ...CUT, renewal: REFUSED },
    'refused',
    false,
  ],
  [
    'its certificate has expired',
    { botExpiresMs: NOW, renewal: AWAY },
    'expired',
    false,
    /expired at 2026-01-01T03/,
  ],
  ['it waits for the first sync', { isInformed: false, isConnected: false }, 'starting', false],
  [
    'it cannot sync and knows nothing',
    { isInformed: false, ...CUT },
    'nothing_to_serve',
    false,
    /cannot reach/,
  ],
  ['the authority is away and all is served', CUT, 'authority_away', true, /away.*all in use is served/],
  [
    'the authority is away and an SVID has expired',
    { ...CUT, svids: { held: 2, missing: 1 } },
    'svids_missing',
    true,
  ],
  ['none can be had', { ...CUT, svids: { held: 2, missing: 2 } }, 'nothing_to_serve', false, /2 of 2/],
  ['a renewal failed once', { renewal: AWAY }, 'renewal_failing', true, /which expires at/],
  ['its clock is ahead', { clockSkewMs: 180_400 }, 'clock_skewed', true, /180 s ahead of the authority's/],
]

describe('the condition of an agent', () => {
  for (const [when, facts, state, isReady, text] of CASES) {
    it(`is ${state}, and ${isReady ? 'ready' : 'not ready'}, when ${when}`, () => {
      const found = conditionOf({ ...WELL, ...facts })
      assert.deepEqual([found.state, found.isReady], [state, isReady])
      if (text) assert.match(`${found.reason} ${found.remedy}`, text)
      assert.equal(found.reason === undefined, state === 'ready')
    })
  }

  it('is logged once a minute while it is not well, and once when it is well again', () => {
    const clock = new FakeClock()
    const lines: { event: string; state?: string; attempts?: number }[] = []
    const logger = createLogger({ destination: { write: (line) => void lines.push(JSON.parse(line)) } })
    let facts: Facts = { ...WELL, ...CUT }
    using _telling = tellCondition({ condition: () => conditionOf(facts), clock, logger })
    clock.advance(180_000)
    facts = WELL
    clock.advance(600_000)
    assert.deepEqual(
      lines.map(({ event, state, attempts }) => [event, state, attempts]),
      [
        ['agent.unwell', 'authority_away', 3],
        ['agent.unwell', 'authority_away', 3],
        ['agent.unwell', 'authority_away', 3],
        ['agent.recovered', undefined, undefined],
      ],
    )
  })
})
