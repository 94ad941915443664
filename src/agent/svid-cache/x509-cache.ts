import { Backoff } from '../../foundation/backoff.ts'
import { CodedError, messageOf } from '../../foundation/errors.ts'
import { FairQueue } from '../../foundation/fair-queue.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Counter } from '../../foundation/metrics.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Grant } from '../../policy/compile.ts'
import { askingUser } from '../attestation/asking-user.ts'
import type { Knowledge } from '../sync/knowledge.ts'
import type { HeldBack } from './held-back.ts'
import { livesTooLong, X509_BACKDATED_MS } from './lives-too-long.ts'
import { claimOf, type IdentityClaim } from './svid-issuer.ts'
import { isClockInTheWay, isValidAt, type Life, worthKeeping } from './svid-life.ts'
import { whoAsked } from './who-asked.ts'
import { checkX509Svid } from './x509-check.ts'
import type { CachedX509Svid, Holder, X509Entry, X509State } from './x509-entry.ts'
import { issueX509Svid, type X509IssueDeps } from './x509-issue.ts'

const RETRY = { initialMs: 1_000, maxMs: 60_000 }
/**
 * Above this number, identities without a stream are evicted: of the user with the most, the least
 * recently used first.
 */
const MAX_IDENTITIES = 16_384
/** After a change of CA, the new bundle is distributed for this long before SVIDs are reissued. */
const AFTER_BUNDLE_MS = 2_000
/** Each open identity adds this much to the time over which all are reissued. */
const SPREAD_MS_EACH = 5
/** A change of knowledge retries failed identities, but not more often than this. */
const RETRY_AFTER_CHANGE_MS = 1_000

interface X509CacheDeps extends X509IssueDeps {
  readonly logger: Logger
  readonly issued: Counter
  readonly heldBack: HeldBack
  /** The identity with this key changed: a new SVID, an expired one, or a failed first attempt. */
  readonly onChange: (key: string) => void
  /** Work is due at this time, which may be earlier than any before. */
  readonly onDue: (atMs: number) => void
}

/**
 * Caches X.509-SVIDs by rendered identity: one key pair each, shared by every process on this host
 * that may have it.
 */
export class X509Cache {
  readonly #deps: X509CacheDeps
  readonly #entries = new Map<string, X509Entry>()

  constructor(deps: X509CacheDeps) {
    this.#deps = deps
  }

  /** The number of SVIDs that can be handed out now. */
  get size(): number {
    let size = 0
    for (const { svid } of this.#entries.values()) if (svid !== undefined) size += 1
    return size
  }

  /**
   * Returns the state of an identity, and starts to issue an SVID if none is valid. An SVID in it
   * verifies against the bundle that is known now.
   */
  ensure(grant: Grant, workload: Attributes): X509State {
    const now = this.#now()
    const claim = claimOf(grant, workload, now)
    const entry = this.#entries.get(grant.key) ?? this.#add(grant.key, claim)
    entry.claim = claim
    const isFirst = entry.grant === undefined
    entry.grant = grant
    entry.askedMs = now
    if (entry.kept.length > 0) this.#choose(entry)
    while (entry.svid !== undefined && !this.#isUsable(entry.svid)) this.#drop(entry, entry.svid)
    if (entry.svid === undefined && !isAhead(entry.retryMs, now)) this.#issue(entry)
    // The role may have changed while this agent did not run.
    const isLong =
      isFirst &&
      entry.svid !== undefined &&
      livesTooLong(entry.svid, X509_BACKDATED_MS, grant, this.#deps.knowledge.value)
    if (isLong) this.#due(entry, now)
    return entry
  }

  /** Keeps an identity renewed, even without further requests, until `release`. */
  hold(grant: Grant, workload: Attributes, holder: Holder): void {
    this.ensure(grant, workload)
    this.#entries.get(grant.key)?.holders.add(holder)
  }

  release(key: string, holder: Holder): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.holders.delete(holder)
    entry.askedMs = this.#now()
  }

  /** Does the work that is due; returns when the next is. */
  tick(knowledge: Knowledge | undefined): number {
    const now = this.#now()
    let next = Number.POSITIVE_INFINITY
    for (const entry of this.#entries.values()) {
      if (this.#choose(entry)) this.#deps.onChange(entry.key)
      const isWaiting =
        entry.svid === undefined ? isAhead(entry.dueMs, now) : entry.dueMs > now && !wasSetBack(entry, now)
      if (!isWaiting) this.#attend(entry, now, knowledge)
      next = Math.min(next, entry.dueMs)
    }
    if (this.#entries.size > MAX_IDENTITIES) this.#shrink()
    return next
  }

  /**
   * Follows a change of knowledge: reissues gradually after a CA rotation, immediately if a key is
   * tainted or a role allows less time now, and retries failed identities.
   */
  reconcile(knowledge: Knowledge): void {
    const now = this.#now()
    for (const entry of this.#entries.values()) {
      if (entry.holders.size === 0 && !isCurrent(entry, knowledge)) {
        this.#entries.delete(entry.key)
        continue
      }
      const { svid } = entry
      if (entry.kept.length > 1) {
        entry.kept = entry.kept.filter((each) => each === svid || !isTainted(each, knowledge))
      }
      if (entry.failure !== undefined && Math.abs(now - entry.triedMs) >= RETRY_AFTER_CHANGE_MS) {
        entry.retryMs = now
        if (entry.holders.size > 0) this.#due(entry, now)
      } else if (svid !== undefined) {
        this.#follow(entry, svid, knowledge)
      }
    }
  }

  /** Has an SVID renewed earlier if what the agent knows now holds against it. */
  #follow(entry: X509Entry, svid: CachedX509Svid, knowledge: Knowledge): void {
    const now = this.#now()
    if (isTainted(svid, knowledge) || livesTooLong(svid, X509_BACKDATED_MS, entry.grant, knowledge)) {
      this.#due(entry, now)
    } else if (!svid.signedBy.includes(knowledge.activeX509KeyId)) {
      const tenthMs = (svid.notAfterMs - svid.receivedMs) / 10
      const spreadMs = this.#entries.size * SPREAD_MS_EACH
      const waitMs = AFTER_BUNDLE_MS + spreadMs * this.#deps.random.fraction()
      this.#due(entry, Math.min(entry.dueMs, now + Math.min(waitMs, tenthMs)))
    }
  }

  /**
   * How many identities open streams follow, and how many of them have no SVID although the role
   * of the bot allows one.
   */
  count(): { readonly held: number; readonly missing: number } {
    let held = 0
    let missing = 0
    for (const { holders, svid, failure } of this.#entries.values()) {
      if (holders.size === 0 || isFinal(failure)) continue
      held += 1
      if (svid === undefined && failure !== undefined) missing += 1
    }
    return { held, missing }
  }

  *values(): Generator<Readonly<X509Entry> & { readonly svid: CachedX509Svid }> {
    for (const entry of this.#entries.values()) {
      if (entry.svid !== undefined) yield entry as X509Entry & { svid: CachedX509Svid }
    }
  }

  /** Everything to save for a restart; each identity's newest SVID first. */
  *kept(): Generator<readonly [Readonly<X509Entry>, CachedX509Svid]> {
    for (const entry of this.#entries.values()) for (const svid of entry.kept) yield [entry, svid]
  }

  /** Restores an SVID that an earlier run saved, in the order of `kept`. */
  restore(key: string, claim: IdentityClaim, svid: CachedX509Svid): void {
    const entry = this.#entries.get(key) ?? this.#add(key, claim)
    entry.kept = [...entry.kept, svid]
    this.#choose(entry)
    entry.askedMs = svid.receivedMs
    this.#holdBack(entry)
    this.#due(entry, (entry.svid ?? svid).renewAtMs)
  }

  #add(key: string, claim: IdentityClaim): X509Entry {
    const entry: X509Entry = {
      key,
      claim,
      grant: undefined,
      svid: undefined,
      kept: [],
      failure: undefined,
      dueMs: Number.POSITIVE_INFINITY,
      retryMs: 0,
      triedMs: 0,
      askedMs: this.#now(),
      holders: new Set(),
      inFlight: false,
      backoff: new Backoff(RETRY, this.#deps.random),
    }
    this.#entries.set(key, entry)
    return entry
  }

  #attend(entry: X509Entry, now: number, knowledge: Knowledge | undefined): void {
    const svid = entry.svid ?? entry.kept[0]
    const lifeMs = svid === undefined ? 0 : svid.notAfterMs - svid.receivedMs
    const isAsked = entry.holders.size > 0 || (entry.askedMs > now - lifeMs && entry.askedMs <= now)
    const isHeldBack = isAhead(entry.retryMs, now)
    if (isAsked && !isHeldBack && (knowledge === undefined || isCurrent(entry, knowledge)))
      this.#renew(entry, now)
    if (entry.svid !== undefined) {
      const { notAfterMs } = entry.svid
      this.#due(entry, isAsked && isHeldBack ? Math.min(entry.retryMs, notAfterMs) : notAfterMs)
    } else if (entry.inFlight || entry.holders.size > 0)
      this.#due(entry, Math.max(entry.retryMs, now + RETRY.initialMs))
    else if (entry.kept.length > 0) this.#due(entry, now + RETRY.maxMs)
    else this.#entries.delete(entry.key)
  }

  /**
   * Selects the SVID to hand out by this host's clock: never an expired one, nor one that is not
   * yet valid. Returns true if the selection changed.
   */
  #choose(entry: X509Entry): boolean {
    const { svid: before, kept } = entry
    const now = this.#now()
    if (kept.length === 0 || (kept.length === 1 && before !== undefined && isValidAt(before, now)))
      return false
    entry.kept = worthKeeping(kept, lifeOf, this.#deps.clock)
    const svid = entry.kept.find((each) => isValidAt(each, now))
    entry.svid = svid
    if (svid === before) return false
    if (svid !== undefined) {
      entry.failure = undefined
      entry.retryMs = 0
      this.#due(entry, Math.min(entry.dueMs, svid.renewAtMs))
    }
    return true
  }

  /** Drops an SVID that is unusable at any time. */
  #drop(entry: X509Entry, svid: CachedX509Svid): void {
    entry.kept = entry.kept.filter((each) => each !== svid)
    entry.svid = undefined
    this.#choose(entry)
  }

  /**
   * If an SVID exists and only the clock prevents its use, that becomes the error for callers and
   * operator.
   */
  #holdBack(entry: X509Entry): void {
    const { clock, heldBack } = this.#deps
    const svid = entry.kept.find((each) => isClockInTheWay(each, clock))
    if (entry.svid === undefined && svid) entry.failure = heldBack.note('x509_svid', svid.spiffeId, svid)
  }

  #isUsable(svid: CachedX509Svid): boolean {
    const bundle = this.#deps.knowledge.value?.bundle
    if (bundle === undefined) return true
    try {
      checkX509Svid(svid, bundle, Math.floor(this.#now() / 1000))
      return true
    } catch (error) {
      const { spiffeId, serial } = svid
      this.#deps.logger.warn(
        { event: 'svid.unusable', spiffeId, serial, reason: messageOf(error) },
        'an X.509-SVID is no longer delivered, and is issued again',
      )
      return false
    }
  }

  /**
   * Renews on behalf of a process that holds the identity now, or else of the last one that
   * requested it.
   */
  #renew(entry: X509Entry, now: number): void {
    if (entry.inFlight) return
    let holders = 0
    let living: Attributes | undefined
    for (const holder of entry.holders) {
      holders += holder.streams
      living ??= holder.living()
    }
    const askedMs = living === undefined ? entry.claim.asked.askedMs : now
    const asked = { occasion: 'renewal', holders: living === undefined ? 0 : holders, askedMs } as const
    entry.claim = { ...entry.claim, workloadAttributes: living ?? entry.claim.workloadAttributes, asked }
    this.#issue(entry)
  }

  #issue(entry: X509Entry): void {
    if (entry.inFlight) return
    entry.inFlight = true
    entry.triedMs = this.#now()
    void this.#settle(entry, issueX509Svid(this.#deps, entry.claim))
  }

  async #settle(entry: X509Entry, issuing: Promise<CachedX509Svid>): Promise<void> {
    const { logger, issued, onChange, knowledge } = this.#deps
    const before = knowledge.value
    try {
      const svid = await issuing
      entry.kept = [svid, ...entry.kept]
      this.#choose(entry)
      issued.inc({ kind: 'x509_svid', result: 'issued' })
      if (entry.svid === svid) {
        entry.failure = undefined
        entry.retryMs = 0
        entry.backoff.reset()
        this.#due(entry, svid.renewAtMs)
        // The authority may have decided before that change. Without one, another SVID would be no better.
        const { value } = knowledge
        if (value !== undefined && value !== before) this.#follow(entry, svid, value)
      } else {
        entry.failure = this.#deps.heldBack.note('x509_svid', svid.spiffeId, svid)
        this.#retry(entry)
      }
    } catch (error) {
      entry.failure = error
      if (!isFinal(error)) this.#holdBack(entry)
      const retryInMs = this.#retry(entry)
      issued.inc({ kind: 'x509_svid', result: 'failed' })
      const { workloadIdentity, spiffeId, workloadAttributes } = entry.claim
      const facts = { workloadIdentity, spiffeId, ...whoAsked(workloadAttributes), retryInMs }
      logger.warn(
        { event: 'svid.issue_failed', ...facts, reason: messageOf(error) },
        'an X.509-SVID could not be issued',
      )
    }
    entry.inFlight = false
    onChange(entry.key)
  }

  /** Schedules the next attempt; returns the delay in milliseconds. */
  #retry(entry: X509Entry): number {
    const now = this.#now()
    entry.retryMs = now + entry.backoff.nextMs()
    this.#due(entry, Math.min(entry.retryMs, entry.svid?.notAfterMs ?? entry.retryMs))
    return Math.round(entry.retryMs - now)
  }

  #due(entry: X509Entry, atMs: number): void {
    entry.dueMs = atMs
    this.#deps.onDue(atMs)
  }

  #shrink(): void {
    const idle = [...this.#entries.values()].filter(
      ({ holders, inFlight }) => holders.size === 0 && !inFlight,
    )
    idle.sort((a, b) => b.askedMs - a.askedMs)
    const byUser = new FairQueue<number, string>()
    for (const { key, claim } of idle) byUser.push(askingUser(claim.workloadAttributes), key)
    while (this.#entries.size > MAX_IDENTITIES && byUser.size > 0) {
      this.#entries.delete(byUser.dropOfBiggest()?.item ?? '')
    }
  }

  #now(): number {
    return this.#deps.clock.now().getTime()
  }
}

/** A refusal by the authority does not depend on the clock. */
function isFinal(error: unknown): boolean {
  return error instanceof CodedError && error.kind === 'permission_denied'
}

const lifeOf = (svid: CachedX509Svid): Life => svid

/**
 * Whether a time is still to come. A wait longer than the longest retry means that the clock was
 * set back.
 */
function isAhead(atMs: number, now: number): boolean {
  return atMs > now && (atMs - now <= RETRY.maxMs || atMs === Number.POSITIVE_INFINITY)
}

/** Whether the clock was set back since the SVID was requested, so that its renewal time is too late. */
function wasSetBack({ triedMs, svid }: X509Entry, now: number): boolean {
  return now < (triedMs || (svid?.receivedMs ?? 0)) - RETRY.maxMs
}

function isTainted({ signedBy }: CachedX509Svid, { taintedKeyIds }: Knowledge): boolean {
  return signedBy.some((keyId) => taintedKeyIds.has(keyId))
}

/** Whether the policy still has the revision for which the SVID was requested. */
function isCurrent(entry: X509Entry, knowledge: Knowledge): boolean {
  return knowledge.policy.get(entry.claim.workloadIdentity)?.identity.revision === entry.claim.revision
}
