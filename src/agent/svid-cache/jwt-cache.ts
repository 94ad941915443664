import { CodedError, messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Counter } from '../../foundation/metrics.ts'
import { SharedLru } from '../../foundation/shared-lru.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Grant } from '../../policy/compile.ts'
import { askingUser, NOBODY } from '../attestation/asking-user.ts'
import type { Knowledge, KnowledgeSource } from '../sync/knowledge.ts'
import { SvidNotValidNowError } from './errors.ts'
import type { HeldBack } from './held-back.ts'
import { type CachedJwtSvid, issueJwtSvid, type JwtIssueDeps } from './jwt-issue.ts'
import { JWT_BACKDATED_MS, livesTooLong } from './lives-too-long.ts'
import { claimOf, type IdentityClaim } from './svid-issuer.ts'
import { isValidAt, type Life, worthKeeping } from './svid-life.ts'
import { whoAsked } from './who-asked.ts'

/**
 * How many tokens are cached; each takes about 1 KB. A user who asks for ever new audiences evicts
 * only their own oldest ones.
 */
const MAX_TOKENS = 8_192
/** After this fraction of a token's life, callers wait for the new one instead of getting the old. */
const PREFER_NEW_AFTER = 0.8
/** How long such a caller waits before it gets the old one after all. */
const WAIT_FOR_NEW_MS = 1_000
const RETRY_AFTER_MS = 2_000
/**
 * The retry interval while clocks disagree: until one is corrected, another token would be of no
 * use.
 */
const RETRY_HELD_BACK_MS = 30_000

/** Refusals that the authority would repeat. */
const FINAL: ReadonlySet<string> = new Set(['permission_denied', 'invalid_argument'])

interface Entry {
  /** What was granted; undefined for a restored entry that nobody has asked for yet. */
  grant: Grant | undefined
  svid: CachedJwtSvid | undefined
  /** Newest first, including those that are not valid by this host's clock. */
  kept: readonly CachedJwtSvid[]
  flight: Promise<CachedJwtSvid> | undefined
  /**
   * The refusal of the last attempt, if there is no token; it is repeated to callers until
   * `retryMs`.
   */
  refusal: CodedError | undefined
  retryMs: number
}

interface JwtCacheDeps extends JwtIssueDeps {
  readonly knowledge: KnowledgeSource
  readonly logger: Logger
  readonly issued: Counter
  readonly heldBack: HeldBack
  readonly onChange: () => void
}

/** Caches JWT-SVIDs by rendered identity and set of audiences. They are renewed only on request. */
export class JwtCache {
  readonly #deps: JwtCacheDeps
  readonly #entries = new SharedLru<number, Entry>(MAX_TOKENS)

  constructor(deps: JwtCacheDeps) {
    this.#deps = deps
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * Returns a token for exactly these audiences, which are sorted and distinct. After half of its
   * life, the old token is returned while a new one is fetched.
   */
  ensure(
    grant: Grant,
    workload: Attributes,
    audiences: readonly string[],
  ): CachedJwtSvid | Promise<CachedJwtSvid> {
    const key = JSON.stringify([grant.key, ...audiences])
    const entry = this.#touch(key, askingUser(workload))
    const now = this.#deps.clock.now().getTime()
    this.#choose(entry, now)
    if (entry.grant === undefined) this.#dropLong(entry, grant, this.#deps.knowledge.value)
    entry.grant = grant
    const { svid } = entry
    if (svid !== undefined && now < svid.refreshAtMs) return svid
    const isUsable = svid !== undefined
    // Otherwise the clock was set back.
    const isPaused = now < entry.retryMs && entry.retryMs - now <= RETRY_HELD_BACK_MS
    if (isUsable && entry.flight === undefined && isPaused) return svid
    if (!isUsable && entry.refusal !== undefined && isPaused) return Promise.reject(entry.refusal)
    const flight = entry.flight ?? this.#fetch(key, entry, claimOf(grant, workload, now), audiences)
    if (!isUsable) return flight
    const isOld = now - svid.receivedMs > (svid.expiresAtMs - svid.receivedMs) * PREFER_NEW_AFTER
    return isOld ? this.#newOr(svid, flight) : svid
  }

  /**
   * Drops tokens that a tainted key signed or that live too long for a role now, and has the others
   * refetched once their key no longer signs.
   */
  reconcile(knowledge: Knowledge): void {
    for (const [key, entry] of this.#entries) {
      const { svid, flight } = entry
      entry.refusal = undefined
      this.#dropLong(entry, entry.grant, knowledge)
      if (svid === undefined || knowledge.activeJwtKeyIds.has(svid.kid)) continue
      if (knowledge.taintedKeyIds.has(svid.kid)) {
        if (flight === undefined) this.#entries.delete(key)
        entry.svid = undefined
        entry.kept = entry.kept.filter(({ kid }) => !knowledge.taintedKeyIds.has(kid))
      } else {
        svid.refreshAtMs = 0
      }
    }
  }

  /** Drops tokens that live longer than a role allows now. */
  #dropLong(entry: Entry, grant: Grant | undefined, knowledge: Knowledge | undefined): void {
    const kept = entry.kept.filter((svid) => !livesTooLong(lifeOf(svid), JWT_BACKDATED_MS, grant, knowledge))
    if (kept.length === entry.kept.length) return
    entry.kept = kept
    entry.svid = undefined
    this.#choose(entry, this.#deps.clock.now().getTime())
  }

  /**
   * Returns at most `most` recently used tokens, in shares per user. The most recent come last; for
   * each key, the newest comes first.
   */
  recent(most: number): (readonly [key: string, svid: CachedJwtSvid, uid: number])[] {
    return this.#entries
      .recent(most)
      .toReversed()
      .flatMap(([key, { kept }, uid]) => kept.map((svid) => [key, svid, uid] as const))
      .slice(-most)
  }

  restore(key: string, svid: CachedJwtSvid, uid = NOBODY): void {
    const entry = this.#entries.get(key, uid) ?? newEntry()
    entry.kept = [...entry.kept, svid]
    this.#entries.set(key, entry, uid)
  }

  /** Selects the token to hand out by this host's clock. */
  #choose(entry: Entry, now: number): void {
    const { svid, kept } = entry
    if (kept.length === 0 || (kept.length === 1 && svid !== undefined && isValidAt(lifeOf(svid), now))) return
    entry.kept = worthKeeping(kept, lifeOf, this.#deps.clock)
    entry.svid = entry.kept.find((each) => isValidAt(lifeOf(each), now))
  }

  /** Returns the entry and marks it as used by this user. */
  #touch(key: string, uid: number): Entry {
    let entry = this.#entries.get(key, uid)
    if (entry === undefined) {
      entry = newEntry()
      this.#entries.set(key, entry, uid)
    }
    return entry
  }

  #fetch(
    key: string,
    entry: Entry,
    claim: IdentityClaim,
    audiences: readonly string[],
  ): Promise<CachedJwtSvid> {
    const flight = this.#issue(key, entry, claim, audiences).finally(() => {
      entry.flight = undefined
    })
    entry.flight = flight
    // A caller that got the old token does not await this one; the failure is logged in #issue.
    flight.catch(() => undefined)
    return flight
  }

  async #issue(
    key: string,
    entry: Entry,
    claim: IdentityClaim,
    audiences: readonly string[],
  ): Promise<CachedJwtSvid> {
    const { logger, issued, clock, onChange } = this.#deps
    try {
      const svid = await this.#request(entry, claim, audiences)
      entry.kept = [svid, ...entry.kept]
      this.#choose(entry, clock.now().getTime())
      if (entry.svid !== svid) {
        onChange()
        throw this.#deps.heldBack.note('jwt_svid', claim.spiffeId, lifeOf(svid))
      }
      entry.refusal = undefined
      entry.retryMs = 0
      issued.inc({ kind: 'jwt_svid', result: 'issued' })
      onChange()
      return svid
    } catch (error) {
      issued.inc({ kind: 'jwt_svid', result: 'failed' })
      const isHeldBack = error instanceof SvidNotValidNowError
      entry.retryMs = clock.now().getTime() + (isHeldBack ? RETRY_HELD_BACK_MS : RETRY_AFTER_MS)
      // Remembered, so that it is not requested again immediately: each attempt adds an audit row.
      if (isHeldBack || (error instanceof CodedError && FINAL.has(error.kind))) entry.refusal = error
      else if (entry.kept.length === 0) this.#entries.delete(key)
      if (isHeldBack) throw error // already logged
      const { workloadIdentity, spiffeId, workloadAttributes } = claim
      const facts = { workloadIdentity, spiffeId, ...whoAsked(workloadAttributes) }
      logger.warn(
        { event: 'svid.issue_failed', ...facts, reason: messageOf(error) },
        'a JWT-SVID could not be issued',
      )
      throw error
    }
  }

  /**
   * Requests a token, and another if a change that came meanwhile holds against the first: the authority
   * may have decided before it. Without a change, another token would be no better.
   */
  async #request(entry: Entry, claim: IdentityClaim, audiences: readonly string[]): Promise<CachedJwtSvid> {
    const { knowledge } = this.#deps
    for (;;) {
      const before = knowledge.value
      const svid = await issueJwtSvid(this.#deps, claim, audiences)
      const { value } = knowledge
      const isUnfit =
        value?.taintedKeyIds.has(svid.kid) || livesTooLong(lifeOf(svid), JWT_BACKDATED_MS, entry.grant, value)
      if (value === before || !isUnfit) return svid
    }
  }

  async #newOr(old: CachedJwtSvid, flight: Promise<CachedJwtSvid>): Promise<CachedJwtSvid> {
    const { promise: waited, resolve } = Promise.withResolvers<void>()
    const timer = this.#deps.clock.schedule(WAIT_FOR_NEW_MS, resolve)
    try {
      const fresh = await Promise.race([flight, waited])
      if (fresh !== undefined) return fresh
    } catch {
      // Logged in #issue; the old token is still valid.
    } finally {
      timer.cancel()
    }
    if (isValidAt(lifeOf(old), this.#deps.clock.now().getTime())) return old
    return flight
  }
}

function lifeOf({ notBeforeMs, expiresAtMs, overBootMs }: CachedJwtSvid): Life {
  return { notBeforeMs, notAfterMs: expiresAtMs, overBootMs }
}

function newEntry(): Entry {
  return { grant: undefined, svid: undefined, kept: [], flight: undefined, refusal: undefined, retryMs: 0 }
}
