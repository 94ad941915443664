import type { KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { seal, unseal } from '../../crypto/sealed.ts'
import { readPrivateFile, writeFileAtomically } from '../../foundation/atomic-file.ts'
import type { Clock, Scheduled } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'

/** The sealing context, which prevents another sealed file from being put in its place. */
const CONTEXT = 'agent state'
const VERSION = 1
/** How long to collect changes before they are written together. */
const SETTLE_MS = 300
/** After a write, the pause is this many times its duration, which bounds the time spent on writing. */
const REST_FACTOR = 20

/** Plain JSON. Each half validates its own format. */
interface AgentState {
  readonly knowledge?: unknown
  readonly svids?: unknown
}

/**
 * The agent's sealed state. After a restart the agent serves from it before it contacts the
 * authority.
 */
export class SealedState implements AsyncDisposable {
  readonly #path: string
  readonly #key: KeyObject
  readonly #clock: Clock
  readonly #logger: Logger
  #take: (() => AgentState) | undefined
  #timer: Scheduled | undefined
  #writing: Promise<void> | undefined
  #restUntilMs = 0
  #dirty = false
  #failing = false
  #closed = false

  constructor(path: string, key: KeyObject, clock: Clock, logger: Logger) {
    this.#path = path
    this.#key = key
    this.#clock = clock
    this.#logger = logger
  }

  /**
   * Returns undefined if there is no readable state. Everything in it can be fetched from the
   * authority again.
   */
  async load(): Promise<AgentState | undefined> {
    if (!existsSync(this.#path)) return undefined
    try {
      const text = unseal(this.#key, await readPrivateFile(this.#path), CONTEXT).toString()
      const state = JSON.parse(text) as { version?: unknown } & AgentState
      if (state.version === VERSION) return state
      this.#logger.warn(
        { event: 'state.ignored', path: this.#path },
        'the saved state was written by another version',
      )
    } catch (error) {
      // Nothing is lost for good: its contents are fetched again.
      const err = error instanceof SyntaxError ? 'not JSON' : error
      this.#logger.error({ event: 'state.unreadable', path: this.#path, err }, 'the saved state is ignored')
    }
    return undefined
  }

  /** Registers the source of the state; {@link changed} schedules a write of what it returns. */
  keep(take: () => AgentState): void {
    this.#take = take
  }

  changed(): void {
    this.#dirty = true
    if (this.#timer !== undefined || this.#writing !== undefined || this.#closed) return
    const waitMs = Math.max(SETTLE_MS, this.#restUntilMs - this.#clock.monotonicMs())
    this.#timer = this.#clock.schedule(waitMs, () => {
      this.#timer = undefined
      void this.#write()
    })
  }

  /** Writes pending changes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#writing
    if (this.#dirty) await this.#write()
  }

  async #write(): Promise<void> {
    if (this.#take === undefined) return
    this.#dirty = false
    const startedMs = this.#clock.monotonicMs()
    this.#writing = this.#save(this.#take).then(
      () => this.#succeeded(),
      (error: unknown) => this.#failed(error),
    )
    await this.#writing
    this.#writing = undefined
    const now = this.#clock.monotonicMs()
    this.#restUntilMs = now + (now - startedMs) * REST_FACTOR
    if (this.#dirty && !this.#closed) this.changed()
  }

  async #save(take: () => AgentState): Promise<void> {
    const text = Buffer.from(JSON.stringify({ version: VERSION, ...take() }))
    await writeFileAtomically(this.#path, seal(this.#key, text, CONTEXT), { mode: 0o600 })
  }

  #succeeded(): void {
    if (this.#failing) {
      this.#logger.info({ event: 'state.saved', path: this.#path }, 'the state can be saved again')
    }
    this.#failing = false
  }

  /**
   * Serving continues; only a restart would start from older state. Logged once, not at every
   * attempt.
   */
  #failed(error: unknown): void {
    if (!this.#failing) {
      this.#logger.error({ event: 'state.unsaved', path: this.#path, err: error }, 'cannot save the state')
    }
    this.#failing = true
    this.#dirty = true
    this.#restUntilMs = this.#clock.monotonicMs() + 5_000
  }
}
