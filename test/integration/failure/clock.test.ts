import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { parseCertificate, splitDer } from '../../../src/crypto/x509.ts'
import { createLogger } from '../../../src/foundation/logger.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { DEFAULT_RESOURCES, identityFor } from '../../support/stack.ts'
import { type StartedAgent, startAgent } from '../../support/start-agent.ts'
import { startAuthority, type TestAuthority } from '../../support/start-authority.ts'
import type { Message } from '../../support/workload-client.ts'

const HOUR_MS = 3_600_000
const UID = process.getuid?.() ?? 0

/** One process is not told another time than the others: both programs run in this one, each with a clock of its own. */
class Rig implements AsyncDisposable {
  readonly authorityClock = new FakeClock(Date.now())
  readonly agentClock = new FakeClock(Date.now())
  readonly log: string[] = []
  #authority!: TestAuthority
  agent!: StartedAgent
  readonly #ticking: NodeJS.Timeout

  private constructor() {
    // Time goes on for both, faster than the real one: pauses and timeouts end.
    this.#ticking = setInterval(() => {
      this.authorityClock.advance(50)
      this.agentClock.advance(50)
    }, 2)
  }

  static async start(): Promise<Rig> {
    const rig = new Rig()
    rig.#authority = await startAuthority({ clock: rig.authorityClock })
    await rig.#authority.apply(`${DEFAULT_RESOURCES}---${identityFor(UID)}`)
    const { name, secret } = await rig.#authority.createJoinToken('builder')
    const { address, pin } = rig.#authority
    const logger = createLogger({ destination: { write: (line) => void rig.log.push(line) } })
    rig.agent = await startAgent(
      { authority: address, pin, token: name, secret },
      { clock: rig.agentClock, logger },
    )
    await rig.says('sync.established')
    return rig
  }

  async says(event: string, from = 0): Promise<void> {
    while (!this.log.slice(from).some((line) => line.includes(`"event":"${event}"`))) await wait(2)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent?.[Symbol.asyncDispose]()
    await this.#authority?.[Symbol.asyncDispose]()
    clearInterval(this.#ticking)
  }
}

function validity({ svids }: Message): { notBeforeMs: number; notAfterMs: number } {
  const [leaf = Buffer.alloc(0)] = splitDer(svids[0].x509Svid)
  const { notBefore, notAfter } = parseCertificate(leaf)
  return { notBeforeMs: notBefore * 1000, notAfterMs: notAfter * 1000 }
}

describe('when time jumps', () => {
  it('on both sides, past the end of every certificate (a host that slept), the agent renews and streams go on', async () => {
    await using rig = await Rig.start()
    using client = rig.agent.client()
    using stream = client.stream('FetchX509SVID', {}, { deadlineMs: Number.POSITIVE_INFINITY })
    await stream.next()
    const from = rig.log.length
    rig.authorityClock.jump(3 * HOUR_MS)
    rig.agentClock.jump(3 * HOUR_MS)
    await rig.says('renewal.accepted', from)
    using later = rig.agent.client()
    for (;;) {
      // Nothing that has expired is handed out meanwhile: it is there anew, or UNAVAILABLE.
      const outcome = await later.first('FetchX509SVID').catch((error: { code: number }) => error)
      if ('svids' in outcome) {
        assert.ok(validity(outcome).notAfterMs > rig.agentClock.now().getTime())
        break
      }
      assert.equal(outcome.code, status.UNAVAILABLE)
    }
    await later.unary('FetchJWTSVID', { audience: ['awake'] })
  })

  for (const [direction, ms] of [
    ['forward', 3 * HOUR_MS],
    ['back', -3 * HOUR_MS],
  ] as const) {
    it(`${direction} on the agent's host only, it says so, and all is well once the clock is right again`, async () => {
      await using rig = await Rig.start()
      using client = rig.agent.client()
      await client.first('FetchX509SVID')
      rig.agentClock.jump(ms)
      await rig.says('renewal.accepted')
      await rig.says('clock.skewed')
      // By this clock no new SVID is valid now, so none is handed out as if it were.
      const outcome = await client.first('FetchX509SVID').catch((error: { code: number }) => error)
      if ('svids' in outcome) assert.ok(validity(outcome).notAfterMs > rig.agentClock.now().getTime())
      else assert.equal(outcome.code, status.UNAVAILABLE)
      rig.agentClock.jump(-ms)
      for (;;) {
        const served = await client.first('FetchX509SVID').catch((error: { code: number }) => error)
        if ('svids' in served) break
        assert.equal(served.code, status.UNAVAILABLE)
        await wait(5)
      }
      await client.unary('FetchJWTSVID', { audience: ['right-again'] })
    })
  }
})
