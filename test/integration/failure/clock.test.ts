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

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const UID = process.getuid?.() ?? 0

/**
 * A process cannot be given a time of its own, so both programs run in this one, each with its own
 * clock.
 */
class Rig implements AsyncDisposable {
  readonly authorityClock: FakeClock
  readonly agentClock: FakeClock
  readonly log: string[] = []
  #authority!: TestAuthority
  agent!: StartedAgent
  readonly #ticking: NodeJS.Timeout

  private constructor(startMs: number) {
    this.authorityClock = new FakeClock(startMs)
    this.agentClock = new FakeClock(startMs)
    // Time passes for both, faster than in reality, so that pauses and timeouts end.
    this.#ticking = setInterval(() => {
      this.authorityClock.advance(50)
      this.agentClock.advance(50)
    }, 2).unref()
  }

  static async start(startMs = Date.now()): Promise<Rig> {
    const rig = new Rig(startMs)
    rig.#authority = await startAuthority({ clock: rig.authorityClock })
    await rig.#authority.apply(`${DEFAULT_RESOURCES}---${identityFor(UID, 'web', '  x509: { ttl: 10m }')}`)
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
  it('on both sides past the expiry of all SVIDs (a suspended host), no expired SVID is served, and streams continue', async () => {
    // TLS uses the real time, which is where the jump leads to.
    await using rig = await Rig.start(Date.now() - 45 * MINUTE_MS)
    using client = rig.agent.client()
    using stream = client.stream('FetchX509SVID')
    await stream.next()
    const token = await client.unary('FetchJWTSVID', { audience: ['slept'] })
    rig.authorityClock.jump(45 * MINUTE_MS)
    rig.agentClock.jump(45 * MINUTE_MS)
    const { notAfterMs } = validity(await client.first('FetchX509SVID'))
    assert.ok(notAfterMs > rig.agentClock.now().getTime())
    assert.ok(validity(await stream.next()).notAfterMs > rig.agentClock.now().getTime())
    const again = await client.unary('FetchJWTSVID', { audience: ['slept'] })
    assert.notEqual(again.svids[0].svid, token.svids[0].svid)
    await rig.says('renewal.accepted')
  })

  for (const [direction, ms] of [
    ['forward', 3 * HOUR_MS],
    ['back', -3 * HOUR_MS],
  ] as const) {
    it(`${direction} on the agent's host only, the log says so, and everything works again once the clock is right`, async () => {
      await using rig = await Rig.start()
      using client = rig.agent.client()
      await client.first('FetchX509SVID')
      rig.agentClock.jump(ms)
      await rig.says('renewal.accepted')
      await rig.says('clock.skewed')
      // By this clock no new SVID is valid now, so none may be handed out.
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
