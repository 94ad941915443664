import type { Clock } from '../../foundation/clock.ts'
import { CodedError, type ErrorKind } from '../../foundation/errors.ts'
import { SharedLru } from '../../foundation/shared-lru.ts'
import type { Peer } from '../../peer/peer.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { JWTSVIDRequest__Output } from '../../rpc/gen/JWTSVIDRequest.ts'
import { encodeMessage } from '../../rpc/services.ts'
import { SpiffeId } from '../../spiffe/spiffe-id.ts'
import type { Deliveries } from '../entitlement/deliveries.ts'
import { NoIdentityError } from '../entitlement/errors.ts'
import type { IdentitySet } from '../entitlement/identity-set.ts'
import { MAX_MESSAGE_SIZE } from '../entitlement/message.ts'
import { causeOf, svidFailure } from '../entitlement/svid-failure.ts'
import type { Delivered } from '../report/delivery-reporter.ts'
import type { CachedJwtSvid } from '../svid-cache/jwt-issue.ts'
import type { SvidCache } from '../svid-cache/svid-cache.ts'
import type { KnowledgeSource } from '../sync/knowledge.ts'
import { checkAudiences } from './audiences.ts'
import { InvalidWorkloadRequestError } from './errors.ts'

/** Cache size for encoded responses; each usually takes 1 KB. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
const BYTES_AN_ANSWER = 256
/** The encoding overhead of one JWTSVID message, in bytes. */
const OVERHEAD = 32
/** How long available tokens wait for missing ones. */
const WAIT_FOR_ALL_MS = 5_000

interface Answer {
  readonly bytes: Buffer
  readonly freshFromMs: number
  readonly freshUntilMs: number
  readonly delivered: Delivered
}

interface FetchJwtSvidDeps {
  readonly entitled: (peer: Peer) => IdentitySet | Promise<IdentitySet>
  readonly workloadOf: (peer: Peer) => Attributes
  readonly knowledge: KnowledgeSource
  readonly svids: Pick<SvidCache, 'ensureJwt'>
  readonly deliveries: Deliveries
  readonly clock: Clock
}

/** FetchJWTSVID: returns a token for each identity of the caller, or for the requested one. */
export class FetchJwtSvid {
  readonly #deps: FetchJwtSvidDeps
  readonly #answers = new SharedLru<number, Answer>(MAX_ANSWER_BYTES, {
    sizeOf: (key, { bytes }) => BYTES_AN_ANSWER + key.length + bytes.length,
  })
  #keys = ''

  constructor(deps: FetchJwtSvidDeps) {
    this.#deps = deps
  }

  /** Drops cached responses: their tokens may be of a key that no longer signs or is tainted. */
  forgetWhenKeysChanged(): void {
    const known = this.#deps.knowledge.value
    if (known === undefined) return
    const keys = [...known.activeJwtKeyIds, '', ...known.taintedKeyIds].join(' ')
    if (keys === this.#keys) return
    this.#keys = keys
    this.#answers.clear()
  }

  handle(peer: Peer, request: JWTSVIDRequest__Output): Buffer | Promise<Buffer> {
    const audiences = checkAudiences(request.audience)
    const set = this.#deps.entitled(peer)
    if (set instanceof Promise) {
      return set.then((settled) => this.#answer(peer, settled, request.spiffeId, audiences))
    }
    return this.#answer(peer, set, request.spiffeId, audiences)
  }

  #answer(
    peer: Peer,
    set: IdentitySet,
    spiffeId: string,
    audiences: readonly string[],
  ): Buffer | Promise<Buffer> {
    const { clock, deliveries } = this.#deps
    const key = answerKey(set, spiffeId, audiences)
    const known = this.#answers.get(key, peer.credentials.uid)
    const nowMs = clock.now().getTime()
    if (known !== undefined && isFresh(known, nowMs)) {
      deliveries.count(peer, known.delivered, nowMs)
      return known.bytes
    }
    return this.#make(peer, set, spiffeId, audiences, key)
  }

  #make(
    peer: Peer,
    set: IdentitySet,
    spiffeId: string,
    audiences: readonly string[],
    key: string,
  ): Buffer | Promise<Buffer> {
    const indexes = select(set, spiffeId, audiences)
    const workload = this.#deps.workloadOf(peer)
    const tokens = indexes.map((index) => this.#token(set, index, workload, audiences))
    if (tokens.some((token) => token instanceof Promise)) {
      return this.#afterWaiting(peer, set, spiffeId, audiences, tokens)
    }
    const answer = encode(set, indexes, tokens as readonly CachedJwtSvid[])
    this.#answers.set(key, answer, peer.credentials.uid)
    return this.#give(peer, answer)
  }

  async #afterWaiting(
    peer: Peer,
    set: IdentitySet,
    spiffeId: string,
    audiences: readonly string[],
    tokens: readonly (CachedJwtSvid | Promise<CachedJwtSvid>)[],
  ): Promise<Buffer> {
    const settled = await settleWithin(tokens, WAIT_FOR_ALL_MS, this.#deps.clock)
    const now = await this.#deps.entitled(peer) // the identity may have been withdrawn meanwhile
    if (now !== set) return this.#answer(peer, now, spiffeId, audiences)
    const indexes = select(set, spiffeId, audiences)
    const found = indexes.filter((_, position) => settled[position]?.token !== undefined)
    const got = settled.flatMap(({ token }) => token ?? [])
    if (got.length === 0) throw failureOf(settled)
    for (const [position, { token, failure }] of settled.entries()) {
      const grant = set.grants[indexes[position] ?? -1]
      if (grant !== undefined && token === undefined) set.leftOut.token(grant.identity, failure)
    }
    const answer = encode(set, found, got)
    if (got.length === indexes.length) {
      this.#answers.set(answerKey(set, spiffeId, audiences), answer, peer.credentials.uid)
    }
    return this.#give(peer, answer)
  }

  #give(peer: Peer, { bytes, delivered }: Answer): Buffer {
    this.#deps.deliveries.count(peer, delivered, this.#deps.clock.now().getTime())
    return bytes
  }

  #token(
    set: IdentitySet,
    index: number,
    workload: Attributes,
    audiences: readonly string[],
  ): CachedJwtSvid | Promise<CachedJwtSvid> {
    const grant = set.grants[index]
    if (grant === undefined) throw new TypeError('no such grant')
    return this.#deps.svids.ensureJwt(grant, workload, audiences)
  }
}

function isFresh({ freshFromMs, freshUntilMs }: Answer, nowMs: number): boolean {
  return freshFromMs <= nowMs && nowMs < freshUntilMs
}

/**
 * Unambiguous for any texts. With one audience, the usual case, the length of the SPIFFE ID
 * suffices.
 */
function answerKey(set: IdentitySet, spiffeId: string, audiences: readonly string[]): string {
  if (audiences.length === 1) return `${set.id}:${spiffeId.length}:${spiffeId}${audiences[0]}`
  return JSON.stringify([set.id, spiffeId, ...audiences])
}

/**
 * The positions of the requested grants that allow these audiences: all of them, or the first with
 * that SPIFFE ID.
 */
function select(set: IdentitySet, spiffeId: string, audiences: readonly string[]): readonly number[] {
  const meant = set.grants.filter((grant) => spiffeId === '' || grant.spiffeId === spiffeId)
  const allowed = meant.filter(({ jwt }) => jwt.audiences?.refusalOf(audiences) === undefined)
  if (allowed.length > 0) {
    const chosen = spiffeId === '' ? allowed : allowed.slice(0, 1)
    return chosen.map((grant) => set.grants.indexOf(grant))
  }
  if (meant.length > 0) throw new NoIdentityError('audience_not_allowed')
  try {
    SpiffeId.parse(spiffeId)
  } catch (error) {
    throw new InvalidWorkloadRequestError('spiffe_id is not a SPIFFE ID', { cause: error })
  }
  throw new NoIdentityError('not_entitled')
}

function encode(set: IdentitySet, indexes: readonly number[], tokens: readonly CachedJwtSvid[]): Answer {
  const all = tokens.map(({ spiffeId, token }, position) => ({
    spiffeId,
    svid: token,
    hint: set.hint(indexes[position] ?? -1),
  }))
  const fitting = fittingCount(all)
  const without = indexes.slice(fitting).flatMap((index) => set.grants[index]?.identity ?? [])
  if (without.length > 0) set.leftOut.svids('jwt_svid', without)
  const svids = all.slice(0, fitting)
  return {
    bytes: encodeMessage('JWTSVIDResponse', { svids }),
    freshFromMs: Math.max(...tokens.map(({ notBeforeMs }) => notBeforeMs)),
    freshUntilMs: Math.min(...tokens.map(({ refreshAtMs }) => refreshAtMs)),
    delivered: { svids: tokens.slice(0, fitting).map(({ spiffeId, jti }) => ({ spiffeId, jti })) },
  }
}

/** How many of the SVIDs, starting with the first, fit into a message. A single token always fits. */
function fittingCount(
  svids: readonly { readonly spiffeId: string; readonly svid: string; readonly hint: string }[],
): number {
  let room = MAX_MESSAGE_SIZE
  const index = svids.findIndex(({ spiffeId, svid, hint }) => {
    room -= spiffeId.length + svid.length + Buffer.byteLength(hint) + OVERHEAD
    return room < 0
  })
  return index < 0 ? svids.length : index
}

interface Settled {
  token?: CachedJwtSvid
  failure?: unknown
}

/** Waits for all tokens, but at most `ms`. A token that hangs or fails does not delay the others. */
async function settleWithin(
  tokens: readonly (CachedJwtSvid | Promise<CachedJwtSvid>)[],
  ms: number,
  clock: Clock,
): Promise<readonly Settled[]> {
  const settled: Settled[] = tokens.map(() => ({}))
  const { promise: waited, resolve } = Promise.withResolvers<void>()
  const timer = clock.schedule(ms, resolve)
  const all = tokens.map(async (token, index) => {
    try {
      settled[index] = { token: await token }
    } catch (failure) {
      settled[index] = { failure }
    }
  })
  await Promise.race([Promise.all(all), waited])
  timer.cancel()
  return settled
}

/** Audiences that cannot share a token are the caller's mistake, unless something else failed, too. */
function failureOf(settled: readonly Settled[]): CodedError {
  const failures = settled.map(({ failure }) => failure)
  const isOf = (kind: ErrorKind) => (each: unknown) => each instanceof CodedError && each.kind === kind
  const others = failures.filter((each) => !isOf('permission_denied')(each))
  return others.length > 0 && others.every(isOf('invalid_argument'))
    ? new InvalidWorkloadRequestError('these audiences cannot share a token: ask for one at a time', {
        cause: causeOf(failures),
      })
    : svidFailure(failures)
}
