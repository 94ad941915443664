import type { Scheduled } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import { Watchable } from '../../foundation/watchable.ts'
import type { TrustDomain } from '../../spiffe/trust-domain.ts'
import type { Actor } from '../audit/events.ts'
import type { KeyPurpose, KeyState } from '../datastore/schema/keys.ts'
import { OverForLong } from '../over-for-long.ts'
import { activeKey, buildCaState, type CaState } from './ca-state.ts'
import { ClockGuard } from './clock-guard.ts'
import { ClockJumpedError, UnknownCaError } from './errors.ts'
import { KeyRing, type KeyRingDeps } from './key-ring.ts'
import { dueSteps, handOver, nextChangeAt, publishMs, unneededKeys } from './schedule.ts'
import { issueServerTls } from './server-tls.ts'
import type { SigningKey } from './signing-key.ts'

export type { CaState } from './ca-state.ts'

export interface CaAuthoritiesDeps extends KeyRingDeps {
  readonly logger: Logger
  readonly metrics: Metrics
  /** How long after its end a bot certificate may still be renewed. */
  readonly renewalGraceSeconds: number
}

export interface CaInfo {
  readonly id: string
  readonly purpose: KeyPurpose
  readonly state: KeyState
  readonly keyId: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly createdMs: number
  /** When a prepared one becomes active, an active one gets its successor, or a retired one leaves the bundle. */
  readonly nextChangeMs: number
}

/** A root stands before what it signs. */
const PURPOSES: readonly KeyPurpose[] = ['control_root', 'control_issuing', 'spiffe_x509', 'jwt']
const ROTATED_ON_DEMAND: readonly string[] = ['control_issuing', 'spiffe_x509', 'jwt']

/** Timers stand still while a host sleeps, lives do not: look again at least this often. */
const LONGEST_WAIT_MS = 60_000
const RETRY_MS = 10_000

/** Rounds of steps that one look may need: end, retire, activate, prepare, and one to see that all is in order. */
const MOST_ROUNDS = 8

/** The signing keys of this trust domain and their lives (design 7): prepared → active → retired, by schedule and on demand. */
export class CaAuthorities implements AsyncDisposable {
  readonly trustDomain: TrustDomain
  readonly watch: Watchable<CaState>
  readonly #deps: CaAuthoritiesDeps
  readonly #ring: KeyRing
  readonly #clockGuard: ClockGuard
  readonly #unneeded: OverForLong
  #timer: Scheduled | undefined
  #work: Promise<unknown> = Promise.resolve()
  #disposed = false

  private constructor(deps: CaAuthoritiesDeps, ring: KeyRing, first: CaState) {
    this.#deps = deps
    this.#ring = ring
    this.#clockGuard = new ClockGuard(deps)
    this.#unneeded = new OverForLong(deps.clock)
    this.trustDomain = deps.vault.trustDomain
    this.watch = new Watchable(first)
    deps.metrics.collected('ca_expiry_seconds', 'Seconds until the active key of a purpose ends', () =>
      PURPOSES.map((purpose) => ({ labels: { purpose }, value: this.#secondsLeft(purpose) })),
    )
    this.#arm()
  }

  /** Loads or creates the keys, and catches up with what fell due while no authority ran. */
  static async open(deps: CaAuthoritiesDeps): Promise<CaAuthorities> {
    const ring = await KeyRing.load(deps)
    await putInOrder(ring, deps)
    return new CaAuthorities(deps, ring, await refreshState(ring, deps, undefined))
  }

  current(): CaState {
    return this.watch.value
  }

  /** Prepares a successor if there is none; it takes over once published long enough, or at once with `now`. */
  rotate(purpose: string, now: boolean, actor: Actor): Promise<void> {
    return this.#exclusively(async () => {
      if (!ROTATED_ON_DEMAND.includes(purpose)) {
        throw new UnknownCaError(
          `cannot rotate ${JSON.stringify(purpose)}: expected ${ROTATED_ON_DEMAND.join(', ')}`,
        )
      }
      if (!this.#clockGuard.isSteady()) {
        throw new ClockJumpedError(
          'the clock of the authority jumped: set it right, or wait 15 minutes if it is right, then ask again',
        )
      }
      await putInOrder(this.#ring, this.#deps)
      await this.#rotate(purpose as KeyPurpose, now, actor)
      await putInOrder(this.#ring, this.#deps)
      await this.#publish()
    })
  }

  /** Every key, in the order of purposes and ages. */
  list(): CaInfo[] {
    return PURPOSES.flatMap((purpose) => this.#ring.keys.filter((key) => key.purpose === purpose)).map(
      (key) => ({
        id: key.id,
        purpose: key.purpose,
        state: key.state,
        keyId: key.keyId,
        notBeforeMs: key.notBeforeMs,
        notAfterMs: key.notAfterMs,
        createdMs: key.createdMs,
        nextChangeMs: this.#nextChange(key),
      }),
    )
  }

  /** Waits for a change under way; starts no further one. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    this.#timer?.cancel()
    await this.#work
  }

  async #rotate(purpose: KeyPurpose, now: boolean, actor: Actor): Promise<void> {
    const nowMs = this.#deps.clock.now().getTime()
    const active = activeKey(this.#ring.keys, purpose)
    if (!this.#ring.find(purpose, 'prepared')) {
      const activateMs = nowMs + publishMs(active)
      await this.#ring.carryOut([{ do: 'create', purpose, state: 'prepared', activateMs }], actor)
    }
    const prepared = this.#ring.find(purpose, 'prepared')
    if (!prepared) return
    if (now) return this.#ring.carryOut(handOver(active, prepared), actor)
    const earliestMs = Math.max(nowMs, prepared.createdMs + publishMs(active))
    if (earliestMs < (prepared.activateMs ?? Infinity))
      await this.#ring.reschedule(prepared, earliestMs, actor)
  }

  async #removeUnneeded(): Promise<void> {
    const { clock, renewalGraceSeconds } = this.#deps
    const unneeded = unneededKeys(this.#ring.keys, clock.now().getTime(), renewalGraceSeconds * 1000)
    const lives = unneeded.map(({ id, notAfterMs, createdMs }) => ({ id, lifeMs: notAfterMs - createdMs }))
    const steps = this.#unneeded.note(lives).map(({ id }) => ({ do: 'remove', id }) as const)
    if (steps.length > 0) await this.#ring.carryOut(steps, 'authority')
  }

  /** One change at a time; a failed one does not stop the next. */
  #exclusively(task: () => Promise<void>): Promise<void> {
    const run = this.#work.then(task)
    this.#work = run.catch(() => undefined) // whoever asked gets the error from `run`
    return run
  }

  async #publish(): Promise<void> {
    const state = await refreshState(this.#ring, this.#deps, this.watch.value)
    if (state !== this.watch.value) this.watch.set(state)
    this.#arm()
  }

  #arm(waitMs = this.#msToNextChange()): void {
    this.#timer?.cancel()
    if (this.#disposed) return
    this.#timer = this.#deps.clock.schedule(waitMs, () => {
      this.#exclusively(async () => {
        if (this.#disposed) return
        if (this.#clockGuard.isSteady()) {
          await putInOrder(this.#ring, this.#deps)
          await this.#removeUnneeded()
        }
        this.#warnOfEnds()
        await this.#publish()
      }).catch((error) => {
        this.#deps.logger.error(
          { event: 'ca.expiring', error: messageOf(error) },
          'cannot rotate signing keys',
        )
        this.#arm(RETRY_MS)
      })
    })
  }

  #msToNextChange(): number {
    const nowMs = this.#deps.clock.now().getTime()
    const changes = [
      this.watch.value.serverTls.renewMs,
      ...this.#ring.keys.map((key) => this.#nextChange(key)),
    ]
    // What was due and has not been done, because the clock jumped or time must pass first, is looked at every minute.
    const ahead = changes.flatMap((atMs) => (atMs > nowMs ? [atMs - nowMs] : []))
    return Math.min(LONGEST_WAIT_MS, ...ahead)
  }

  #nextChange(key: SigningKey): number {
    return nextChangeAt(key, this.#ring.find(key.purpose, 'prepared') !== undefined)
  }

  #secondsLeft(purpose: KeyPurpose): number {
    const active = this.#ring.find(purpose, 'active')
    return active ? (active.notAfterMs - this.#deps.clock.now().getTime()) / 1000 : 0
  }

  /** By schedule a key is replaced with a third of its life left; one that gets near its end says that something is wrong. */
  #warnOfEnds(): void {
    for (const purpose of PURPOSES) {
      const active = this.#ring.find(purpose, 'active')
      if (!active) continue
      const secondsLeft = this.#secondsLeft(purpose)
      if (secondsLeft * 6000 < active.notAfterMs - active.createdMs) {
        this.#deps.logger.warn(
          { event: 'ca.expiring', purpose, keyId: active.keyId, secondsLeft },
          'CA near its end',
        )
      }
    }
  }
}

async function putInOrder(ring: KeyRing, deps: CaAuthoritiesDeps): Promise<void> {
  for (const purpose of PURPOSES) {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const parentId = purpose === 'control_issuing' ? ring.find('control_root', 'active')?.id : undefined
      const steps = dueSteps(purpose, ring.keys, deps.clock.now().getTime(), parentId)
      if (steps.length === 0) break
      await ring.carryOut(steps, 'authority')
    }
  }
}

/** The state for the keys as they are; the same object when nothing changed. */
async function refreshState(
  ring: KeyRing,
  deps: CaAuthoritiesDeps,
  last: CaState | undefined,
): Promise<CaState> {
  const { vault, random, clock } = deps
  const built = buildCaState(ring.keys, vault.trustDomain, ring.bundleSequence)
  const nowMs = clock.now().getTime()
  const tls = last?.serverTls
  const kept = tls && tls.issuerKeyId === built.controlIssuing.keyId && nowMs < tls.renewMs ? tls : undefined
  if (last && kept && sameKeys(last, built)) return last
  const root = built.controlChain[1] as Buffer
  const names = { trustDomain: vault.trustDomain, random }
  return { ...built, serverTls: kept ?? (await issueServerTls(built.controlIssuing, root, names, nowMs)) }
}

function sameKeys(a: Omit<CaState, 'serverTls'>, b: Omit<CaState, 'serverTls'>): boolean {
  return (
    a.bundle.sequence === b.bundle.sequence &&
    a.activeX509KeyId === b.activeX509KeyId &&
    a.activeJwtKeyId === b.activeJwtKeyId &&
    a.controlIssuing.keyId === b.controlIssuing.keyId &&
    a.controlRoots.length === b.controlRoots.length &&
    a.controlRoots.every((root, index) => b.controlRoots[index]?.equals(root))
  )
}
