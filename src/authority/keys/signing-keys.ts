import { readBootId } from '../../foundation/boot-id.ts'
import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import { Mutex } from '../../foundation/mutex.ts'
import { Watchable } from '../../foundation/watchable.ts'
import type { TrustDomain } from '../../spiffe/trust-domain.ts'
import type { Actor } from '../audit/events.ts'
import { readMeta, writeMeta } from '../datastore/meta.ts'
import type { Datastore } from '../datastore/ports.ts'
import type { KeyPurpose, KeyState } from '../datastore/schema/key-tables.ts'
import { OverForLong } from '../over-for-long.ts'
import { ClockGuard, type Moment } from './clock-guard.ts'
import { ClockJumpedError, UnknownCaError } from './errors.ts'
import { JudgedClock } from './judged-clock.ts'
import type { JwtAlgorithms } from './jwt-algorithms.ts'
import { jwtLineOf, type KeyLine, labelsOf, linesOf } from './key-lines.ts'
import { KeyRing, type KeyRingDeps } from './key-ring.ts'
import { findKeysInUse, type KeysInUse, withSequence } from './keys-in-use.ts'
import { Publication } from './publication.ts'
import { PURPOSE_NAMES, PURPOSES, purposesWhere } from './purposes.ts'
import { canSign, putInOrder } from './put-in-order.ts'
import { handOver, nextChangeAt, publishMs, unneededKeys } from './schedule.ts'
import { issueServerTls } from './server-tls.ts'
import type { SigningKey } from './signing-key.ts'

export type { KeysInUse } from './keys-in-use.ts'

interface SigningKeysDeps extends KeyRingDeps {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly jwt: JwtAlgorithms
  /** How long after its expiry a bot certificate may still be renewed. */
  readonly renewalGraceSeconds: number
}

export interface CaInfo {
  readonly id: string
  readonly purpose: KeyPurpose
  /** Only for a JWT key. */
  readonly algorithm?: string
  readonly state: KeyState
  readonly keyId: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly createdMs: number
  /**
   * When a prepared key becomes active, an active one gets its successor, or a retired one leaves the
   * bundle.
   */
  readonly nextChangeMs: number
}

const ROTATED_ON_DEMAND: readonly string[] = purposesWhere(({ isRotatedOnDemand }) => isRotatedOnDemand)

/** Everything is checked at least this often, whether or not something is due … */
const LOOK_MS = 60_000
/** … and the clocks this often, because timers stop while a host sleeps but certificates age. */
const GLANCE_MS = 5_000
const RETRY_MS = 10_000
/** When the wall clock moves by more than this against the monotonic one, it was set, or the host slept. */
const MOVED_MS = 2_000
/** How often the time of both clocks is stored for the next process. */
const NOTE_MS = 600_000

/**
 * The signing keys of this trust domain and their life cycle (decision 0007): prepared → active →
 * retired, by schedule and on demand.
 */
export class SigningKeys implements AsyncDisposable {
  readonly trustDomain: TrustDomain
  readonly watch: Watchable<KeysInUse>
  /** The clock by which everything expires. */
  readonly judged: Clock
  readonly #deps: SigningKeysDeps
  readonly #ring: KeyRing
  readonly #clockGuard: ClockGuard
  readonly #publication: Publication
  readonly #unneeded: OverForLong
  #timer: Scheduled | undefined
  readonly #turns = new Mutex()
  #disposed = false
  /** The wall-clock time of the last check. What fell due since then has not been noticed yet. */
  #lookedMs: number
  #notedBootMs = Number.NEGATIVE_INFINITY

  private constructor(
    deps: SigningKeysDeps,
    { ring, clockGuard, publication }: OpenedKeys,
    first: KeysInUse,
    lookedMs: number,
  ) {
    this.#deps = deps
    this.#ring = ring
    this.#clockGuard = clockGuard
    this.judged = new JudgedClock(deps.clock, clockGuard)
    this.#publication = publication
    this.#lookedMs = lookedMs
    this.#unneeded = new OverForLong(deps.clock)
    this.trustDomain = deps.vault.trustDomain
    this.watch = new Watchable(first)
    deps.metrics.collected('ca_expiry_seconds', 'Seconds until the active key of a purpose expires', () =>
      this.#expiries(),
    )
    deps.metrics.collected('ca_lifetime_seconds', 'Whole life of the active key of a purpose', () =>
      this.#lives(),
    )
    this.#logPublishing()
    this.#arm()
  }

  /** Loads or creates the keys, and catches up with what fell due while no authority ran. */
  static async open(deps: SigningKeysDeps): Promise<SigningKeys> {
    const ring = await KeyRing.load(deps)
    const clockGuard = new ClockGuard({ ...deps, bootId: readBootId() }, await loadMoment(deps.datastore))
    const opened = { ring, clockGuard, publication: await Publication.load(deps.datastore) }
    const lookedMs = await putInOrder(ring, { ...deps, isSteady: clockGuard.isSteady() })
    return new SigningKeys(deps, opened, await refreshState(opened, deps, undefined), lookedMs)
  }

  current(): KeysInUse {
    return this.watch.value
  }

  /**
   * Prepares a successor if there is none. It takes over once it has been published for long enough,
   * or immediately with `now`. For JWT keys, `algorithm` selects one line; empty means all.
   * @throws UnknownCaError
   * @throws ClockJumpedError
   */
  rotate(purpose: string, now: boolean, actor: Actor, algorithm = ''): Promise<void> {
    return this.#exclusively(async () => {
      const lines = this.#rotatable(purpose, algorithm)
      const isSteady = this.#clockGuard.isSteady()
      const nowMs = this.#deps.clock.now().getTime()
      if (!isSteady && lines.every((line) => canSign(this.#ring, line, nowMs))) {
        throw new ClockJumpedError(
          'the clock of the authority jumped: set it right, or wait 15 minutes if it is right, then ask again',
        )
      }
      await putInOrder(this.#ring, { ...this.#deps, isSteady })
      for (const line of lines) await this.#rotate(line, now, actor)
      this.#lookedMs = await putInOrder(this.#ring, { ...this.#deps, isSteady })
      await this.#publish()
    })
  }

  /** Resolves when every running change has ended, whether it succeeded or failed. */
  async settled(): Promise<void> {
    await this.#turns.idle()
  }

  /** All keys, by purpose and then by age. */
  list(): CaInfo[] {
    return PURPOSE_NAMES.flatMap((purpose) => this.#ring.keys.filter((key) => key.purpose === purpose)).map(
      (key) => ({
        id: key.id,
        purpose: key.purpose,
        ...labelsOf(key),
        state: key.state,
        keyId: key.keyId,
        notBeforeMs: key.notBeforeMs,
        notAfterMs: key.notAfterMs,
        createdMs: key.createdMs,
        nextChangeMs: this.#nextChange(key),
      }),
    )
  }

  /** Waits for a running change and starts no other. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    this.#timer?.cancel()
    await this.#turns.idle()
    await this.#noteClock(0).catch(() => undefined) // without it the next process uses the wall clock alone
  }

  #rotatable(purpose: string, algorithm: string): readonly KeyLine[] {
    if (!ROTATED_ON_DEMAND.includes(purpose)) {
      throw new UnknownCaError(
        `cannot rotate ${JSON.stringify(purpose)}: expected ${ROTATED_ON_DEMAND.join(', ')}`,
      )
    }
    const lines = linesOf(this.#deps.jwt).filter((line) => line.purpose === purpose)
    if (algorithm === '') return lines
    const meant = lines.filter((line) => labelsOf(line).algorithm === algorithm)
    if (meant.length > 0) return meant
    const inUse =
      purpose === 'jwt' ? `in use are ${this.#deps.jwt.inUse.join(', ')}` : 'only JWT keys have one'
    throw new UnknownCaError(`no ${purpose} key with the algorithm ${JSON.stringify(algorithm)}: ${inUse}`)
  }

  async #rotate(line: KeyLine, now: boolean, actor: Actor): Promise<void> {
    const nowMs = this.#deps.clock.now().getTime()
    const active = this.#ring.find(line, 'active')
    if (active && !this.#ring.find(line, 'prepared')) {
      const activateMs = nowMs + publishMs(active)
      await this.#ring.carryOut([{ do: 'create', line, state: 'prepared', activateMs }], actor)
    }
    const prepared = this.#ring.find(line, 'prepared')
    if (!prepared) return
    if (now) return this.#ring.carryOut(handOver(active, prepared), actor)
    if (!active) return // the first key of its algorithm: it is published already
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

  /** Runs one change at a time. A failed one does not stop the next. */
  #exclusively(task: () => Promise<void>): Promise<void> {
    return this.#turns.run(task)
  }

  async #publish(): Promise<void> {
    const opened = { ring: this.#ring, clockGuard: this.#clockGuard, publication: this.#publication }
    const state = await refreshState(opened, this.#deps, this.watch.value)
    if (state !== this.watch.value) this.watch.set(state)
    this.#arm()
  }

  #arm(waitMs = this.#msToNextChange()): void {
    this.#timer?.cancel()
    if (this.#disposed) return
    const { clock } = this.#deps
    const offsetMs = clock.now().getTime() - clock.monotonicMs()
    const restMs = Math.min(waitMs, GLANCE_MS)
    this.#timer = clock.schedule(restMs, () => {
      const movedMs = Math.abs(clock.now().getTime() - clock.monotonicMs() - offsetMs)
      if (waitMs > restMs && movedMs < MOVED_MS) this.#arm(waitMs - restMs)
      else this.#look()
    })
  }

  #look(): void {
    this.#exclusively(async () => {
      if (this.#disposed) return
      const isSteady = this.#clockGuard.isSteady()
      this.#lookedMs = await putInOrder(this.#ring, { ...this.#deps, isSteady })
      if (isSteady) await this.#removeUnneeded()
      this.#warnOfEnds()
      await this.#noteClock(NOTE_MS)
      await this.#publish()
    }).catch((error) => {
      this.#deps.logger.error({ event: 'ca.expiring', error: messageOf(error) }, 'cannot rotate signing keys')
      this.#arm(RETRY_MS)
    })
  }

  async #noteClock(everyMs: number): Promise<void> {
    const { moment } = this.#clockGuard
    if (moment.bootMs - this.#notedBootMs < everyMs) return
    await this.#deps.datastore.transaction((tx) => writeMeta(tx, 'clock', JSON.stringify(moment)))
    this.#notedBootMs = moment.bootMs
  }

  #msToNextChange(): number {
    const nowMs = this.#deps.clock.now().getTime()
    const changes = [
      this.watch.value.serverTls.renewMs,
      ...this.#ring.keys.map((key) => this.#nextChange(key)),
    ]
    // Something that was already due at the last check, but had to wait, is checked again after
    // LOOK_MS.
    const ahead = changes.flatMap((atMs) => (atMs > this.#lookedMs ? [Math.max(0, atMs - nowMs)] : []))
    return Math.min(LOOK_MS, ...ahead)
  }

  #nextChange(key: SigningKey): number {
    return nextChangeAt(key, this.#ring.find(key, 'prepared') !== undefined)
  }

  #secondsLeft(line: KeyLine): number {
    const active = this.#ring.find(line, 'active')
    return active ? (active.notAfterMs - this.#deps.clock.now().getTime()) / 1000 : 0
  }

  *#expiries(): Generator<{ labels: Record<string, string>; value: number }> {
    for (const line of linesOf(this.#deps.jwt)) {
      const { purpose } = line
      const value = this.#secondsLeft(line)
      const labels = { ...labelsOf(line), purpose }
      if (PURPOSES[purpose].keyTypes !== 'of_jwt_algorithms') yield { labels, value }
      // A line whose first key is still only published has no expiry; another key signs in its place.
      else if (value > 0 || !this.#ring.find(line, 'prepared')) yield { labels, value }
    }
  }

  *#lives(): Generator<{ labels: Record<string, string>; value: number }> {
    for (const line of linesOf(this.#deps.jwt)) {
      const active = this.#ring.find(line, 'active')
      const labels = { ...labelsOf(line), purpose: line.purpose }
      if (active) yield { labels, value: (active.notAfterMs - active.createdMs) / 1000 }
    }
  }

  /**
   * Logs that a new algorithm's key is only published so far, so that its operator knows why tokens
   * are still signed with another.
   */
  #logPublishing(): void {
    for (const algorithm of this.#deps.jwt.inUse) {
      const prepared = this.#ring.find(jwtLineOf(algorithm), 'prepared')
      if (!prepared?.activateMs || this.#ring.find(jwtLineOf(algorithm), 'active')) continue
      const from = new Date(prepared.activateMs).toISOString()
      const run = `signet ca rotate jwt --algorithm ${algorithm} --now`
      this.#deps.logger.warn(
        { event: 'ca.algorithm_published', algorithm, keyId: prepared.keyId, from, run },
        'a new algorithm is configured: its key is published first, and tokens are signed as before until it signs',
      )
    }
  }

  /**
   * Warns of keys near their end. By schedule a key is replaced when a third of its life is left, so
   * something must be wrong.
   */
  #warnOfEnds(): void {
    for (const line of linesOf(this.#deps.jwt)) {
      const active = this.#ring.find(line, 'active')
      if (!active) continue
      const secondsLeft = this.#secondsLeft(line)
      if (secondsLeft * 6000 < active.notAfterMs - active.createdMs) {
        this.#deps.logger.warn(
          { event: 'ca.expiring', purpose: line.purpose, keyId: active.keyId, secondsLeft },
          'a signing key is about to expire',
        )
      }
    }
  }
}

interface OpenedKeys {
  readonly ring: KeyRing
  readonly clockGuard: ClockGuard
  readonly publication: Publication
}

async function loadMoment(datastore: Datastore): Promise<Moment | undefined> {
  const noted = await readMeta(datastore, 'clock')
  if (noted === undefined) return undefined
  const { wallMs, bootMs, bootId } = JSON.parse(noted) as Partial<Moment>
  if (typeof wallMs !== 'number' || typeof bootMs !== 'number') return undefined
  return bootId === undefined ? { wallMs, bootMs } : { wallMs, bootMs, bootId }
}

/** Builds the state from the current keys; returns `last` itself when nothing changed. */
async function refreshState(
  { ring, clockGuard, publication }: OpenedKeys,
  deps: SigningKeysDeps,
  last: KeysInUse | undefined,
): Promise<KeysInUse> {
  const { vault, random, clock } = deps
  const judgedMs = clockGuard.judgedMs()
  const unnumbered = findKeysInUse(ring.keys, vault.trustDomain, judgedMs, deps.jwt)
  const sequence = await publication.sequenceOf(unnumbered.bundle, judgedMs)
  const built = { ...unnumbered, bundle: withSequence(unnumbered.bundle, sequence) }
  const nowMs = clock.now().getTime()
  const tls = last?.serverTls
  const issuing = built.signer('control_issuing')
  const isKept = tls?.issuerKeyId === issuing.keyId && nowMs < tls.renewMs
  const kept = isKept ? tls : undefined
  if (last && kept && sameKeys(last, built)) return last
  const root = built.controlChain[1] as Buffer
  const names = { trustDomain: vault.trustDomain, random }
  return { ...built, serverTls: kept ?? (await issueServerTls(issuing, root, names, nowMs)) }
}

function sameKeys(a: Omit<KeysInUse, 'serverTls'>, b: Omit<KeysInUse, 'serverTls'>): boolean {
  return (
    a.bundle.sequence === b.bundle.sequence &&
    a.activeX509KeyId === b.activeX509KeyId &&
    namesOfSigners(a) === namesOfSigners(b) &&
    a.signer('control_issuing').keyId === b.signer('control_issuing').keyId &&
    a.controlRoots.length === b.controlRoots.length &&
    a.controlRoots.every((root, index) => b.controlRoots[index]?.equals(root))
  )
}

function namesOfSigners({ jwtSigners }: Pick<KeysInUse, 'jwtSigners'>): string {
  return Array.from(jwtSigners, ([algorithm, { kid }]) => `${algorithm} ${kid}`).join(', ')
}
