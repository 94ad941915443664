import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createLogger } from '../../src/foundation/logger.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { DEFAULT_RESOURCES, identityFor } from './stack.ts'
import { type StartedAgent, startAgent } from './start-agent.ts'
import { startAuthority, type TestAuthority } from './start-authority.ts'

const UID = process.getuid?.() ?? 0

/**
 * Authority and agent in this process, each with its own clock, over real sockets. TLS knows only
 * the real time, which is the right one when a test sets a clock wrong.
 */
export class TwoClocks implements AsyncDisposable {
  readonly authorityClock: FakeClock
  readonly agentClock: FakeClock
  readonly log: string[] = []
  readonly #directory: string
  readonly #ticking: NodeJS.Timeout
  #authority: TestAuthority | undefined
  #agent: StartedAgent | undefined
  #token: { name: string; secret: string } | undefined
  #pin = ''
  #address = ''

  private constructor(directory: string, startMs: number) {
    this.#directory = directory
    this.authorityClock = new FakeClock(startMs)
    this.agentClock = new FakeClock(startMs)
    // Both clocks run, faster than real time, so that pauses and timeouts end.
    this.#ticking = setInterval(() => {
      this.authorityClock.advance(100)
      this.agentClock.advance(100)
    }, 2).unref()
  }

  /** Creates the place with everything that an agent needs to join. */
  static async create(startMs: number, tokenTtlSeconds: number): Promise<TwoClocks> {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-clocks-'))
    await mkdir(path.join(directory, 'agent'))
    const place = new TwoClocks(directory, startMs)
    await place.startAuthority()
    await place.#authority?.apply(`${DEFAULT_RESOURCES}---${identityFor(UID, 'web')}`)
    place.#token = await place.#authority?.createJoinToken('builder', 1, tokenTtlSeconds)
    return place
  }

  async startAuthority(): Promise<void> {
    const listen = this.#address === '' ? {} : { listen: this.#address }
    this.#authority = await startAuthority({
      directory: path.join(this.#directory, 'authority'),
      clock: this.authorityClock,
      // TLS checks the real time and must accept the certificate even if a test begins some days earlier.
      yaml: 'lifetimes: { bot_certificate: 7d }',
      ...listen,
    })
    this.#address = this.#authority.address
    this.#pin = this.#authority.pin
  }

  async stopAuthority(): Promise<void> {
    await this.#authority?.stop()
    this.#authority = undefined
  }

  async startAgent(): Promise<void> {
    const { name = '', secret = '' } = this.#token ?? {}
    this.#agent = await startAgent(
      {
        authority: this.#address,
        pin: this.#pin,
        token: name,
        secret,
        directory: path.join(this.#directory, 'agent'),
      },
      {
        clock: this.agentClock,
        logger: createLogger({ destination: { write: (line) => void this.log.push(line) } }),
      },
    )
    this.#agent.agent.ended.catch(() => undefined) // reported by `hasEnded`
  }

  async stopAgent(): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]()
    this.#agent = undefined
  }

  client() {
    if (this.#agent === undefined) throw new TypeError('no agent')
    return this.#agent.client()
  }

  /** Returns the error that ended the agent, or undefined while it runs. */
  async hasEnded(): Promise<unknown> {
    const running = Symbol()
    const ended = this.#agent?.agent.ended.catch((error: unknown) => error)
    const first = await Promise.race([ended, wait(1, running)])
    return first === running ? undefined : first
  }

  async says(event: string, from = 0): Promise<void> {
    while (!this.log.slice(from).some((line) => line.includes(`"event":"${event}"`))) await wait(2)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAgent()
    await this.stopAuthority()
    clearInterval(this.#ticking)
    await rm(this.#directory, { recursive: true, force: true })
  }
}
