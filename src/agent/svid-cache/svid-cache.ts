import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { Emitter } from '../../foundation/emitter.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import type { Random } from '../../foundation/random.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Grant } from '../../policy/compile.ts'
import type { Knowledge, KnowledgeSource } from '../sync/knowledge.ts'
import { HeldBack } from './held-back.ts'
import { JwtCache } from './jwt-cache.ts'
import type { CachedJwtSvid } from './jwt-issue.ts'
import { KeyPools } from './key-pools.ts'
import {
  formatJwt,
  formatX509,
  parseClaim,
  parseJwt,
  parseX509,
  readSnapshot,
  type SvidSnapshot,
} from './snapshot.ts'
import type { SvidIssuer } from './svid-issuer.ts'
import { X509Cache } from './x509-cache.ts'
import type { CachedX509Svid, Holder, X509State } from './x509-entry.ts'

/** The shortest interval between checks for due work. */
const SHORTEST_WAIT_MS = 20
/** The longest interval: timers stop while a host is suspended, but certificates keep aging. */
const MAX_WAIT_MS = 5_000
/**
 * How many tokens a snapshot contains, most recently used first. They live for minutes, and
 * snapshots are written often.
 */
const MAX_SAVED_TOKENS = 256

interface SvidCacheDeps {
  readonly issuer: SvidIssuer
  readonly knowledge: KnowledgeSource
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly keys?: Pick<KeyPools, 'take' | 'expect'>
}

/** What the operator is told about an X.509-SVID. */
export interface HeldX509Svid {
  readonly spiffeId: string
  readonly workloadIdentity: string
  readonly expiresMs: number
  /** How many open streams follow it. */
  readonly streams: number
}

/**
 * All SVIDs of this agent, with their keys: issued once for all callers that may have them,
 * renewed, and never handed out expired.
 */
export class SvidCache implements Disposable {
  readonly #deps: SvidCacheDeps
  readonly #x509: X509Cache
  readonly #jwt: JwtCache
  readonly #x509Changes = new Emitter<string>()
  readonly #changes = new Emitter()
  readonly #keys: Pick<KeyPools, 'take' | 'expect'>
  readonly #subscription: Disposable
  #timer: Scheduled | undefined
  #timerAtMs = Number.POSITIVE_INFINITY
  #disposed = false

  constructor(deps: SvidCacheDeps) {
    this.#deps = deps
    const { clock, random, logger, metrics, issuer, knowledge } = deps
    const keys = deps.keys ?? new KeyPools(metrics)
    this.#keys = keys
    const issued = metrics.counter('issue_total', 'SVIDs asked of the authority', ['kind', 'result'])
    const heldBack = new HeldBack(clock, logger)
    const shared = { issuer, knowledge, keys, clock, random, logger, issued, heldBack }
    this.#jwt = new JwtCache({ ...shared, onChange: () => this.#changed() })
    this.#x509 = new X509Cache({
      ...shared,
      onChange: (key) => {
        this.#x509Changes.emit(key)
        this.#changed()
      },
      onDue: (atMs) => this.#wakeAt(atMs),
    })
    metrics.collected('svid_expiry_seconds', 'Time until the X.509-SVID of an identity ends', () =>
      this.#soonest(({ notAfterMs }) => notAfterMs - clock.now().getTime()),
    )
    metrics.collected('svid_lifetime_seconds', 'Life of this X.509-SVID when it was received', () =>
      this.#soonest(({ notAfterMs, receivedMs }) => notAfterMs - receivedMs),
    )
    this.#subscription = knowledge.subscribe((known) => this.#reconcile(known))
  }

  /** The number of cached SVIDs. */
  get size(): number {
    return this.#x509.size + this.#jwt.size
  }

  /** The X.509-SVIDs that open streams follow, and those among them that cannot be had now. */
  countX509(): { readonly held: number; readonly missing: number } {
    return this.#x509.count()
  }

  *heldX509(): Generator<HeldX509Svid> {
    for (const { claim, svid, holders } of this.#x509.values()) {
      const { workloadIdentity } = claim
      let streams = 0
      for (const holder of holders) streams += holder.streams
      yield { spiffeId: svid.spiffeId, workloadIdentity, expiresMs: svid.notAfterMs, streams }
    }
  }

  ensureX509(grant: Grant, workload: Attributes): X509State {
    return this.#x509.ensure(grant, workload)
  }

  holdX509(grant: Grant, workload: Attributes, holder: Holder): void {
    this.#x509.hold(grant, workload, holder)
  }

  releaseX509(grant: Grant, holder: Holder): void {
    this.#x509.release(grant.key, holder)
  }

  /**
   * Called with the grant key of each identity whose X.509-SVID was issued, ended or could not be
   * issued.
   */
  onX509Change(listener: (key: string) => void): Disposable {
    return this.#x509Changes.subscribe(listener)
  }

  /** `audiences` must be sorted and distinct. */
  ensureJwt(
    grant: Grant,
    workload: Attributes,
    audiences: readonly string[],
  ): CachedJwtSvid | Promise<CachedJwtSvid> {
    return this.#jwt.ensure(grant, workload, audiences)
  }

  /** Called when a snapshot taken now would differ from the one before. */
  onChange(listener: () => void): Disposable {
    return this.#changes.subscribe(listener)
  }

  /** Everything to save for a restart, private keys included; seal it before it is written. */
  snapshot(): SvidSnapshot {
    return {
      version: 1,
      x509: Array.from(this.#x509.kept(), ([entry, svid]) => formatX509(entry, svid)),
      jwt: this.#jwt.recent(MAX_SAVED_TOKENS).map(([key, svid, uid]) => formatJwt(key, svid, uid)),
    }
  }

  /**
   * Restores what an earlier run saved. SVIDs that are not valid by the wall clock are held back,
   * because that clock may be wrong.
   */
  restore(snapshot: unknown): void {
    const kept = readSnapshot(snapshot)
    for (const record of kept?.x509 ?? []) {
      this.#x509.restore(record.key, parseClaim(record), parseX509(record, this.#deps.clock))
    }
    for (const record of kept?.jwt ?? []) {
      this.#jwt.restore(record.key, parseJwt(record, this.#deps.clock), record.uid)
    }
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#timer?.cancel()
    this.#subscription[Symbol.dispose]()
  }

  #reconcile(knowledge: Knowledge | undefined): void {
    if (knowledge === undefined) return
    this.#keys.expect(knowledge.policy.keyTypes)
    this.#x509.reconcile(knowledge)
    this.#jwt.reconcile(knowledge)
  }

  #changed(): void {
    this.#changes.emit()
  }

  #wakeAt(atMs: number): void {
    if (this.#disposed || atMs >= this.#timerAtMs) return
    const now = this.#deps.clock.now().getTime()
    const waitMs = Math.min(Math.max(atMs - now, SHORTEST_WAIT_MS), MAX_WAIT_MS)
    if (now + waitMs >= this.#timerAtMs) return
    this.#timer?.cancel()
    this.#timerAtMs = now + waitMs
    this.#timer = this.#deps.clock.schedule(waitMs, () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY
      this.#wakeAt(this.#x509.tick(this.#deps.knowledge.value))
    })
  }

  /** Of each identity the X.509-SVID that expires first. */
  *#soonest(
    millisecondsOf: (svid: CachedX509Svid) => number,
  ): Generator<{ labels: Record<string, string>; value: number }> {
    const soonest = new Map<string, CachedX509Svid>()
    for (const { claim, svid } of this.#x509.values()) {
      const known = soonest.get(claim.workloadIdentity)
      if (known === undefined || svid.notAfterMs < known.notAfterMs) soonest.set(claim.workloadIdentity, svid)
    }
    for (const [identity, svid] of soonest) yield { labels: { identity }, value: millisecondsOf(svid) / 1000 }
  }
}
