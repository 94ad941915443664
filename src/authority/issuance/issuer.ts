import { randomSerial } from '../../crypto/signing-ca.ts'
import type { Clock } from '../../foundation/clock.ts'
import { type CodedError, requireCoded } from '../../foundation/errors.ts'
import { FairTurns } from '../../foundation/fair-turns.ts'
import { inTurns } from '../../foundation/in-turns.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Counter, Metrics } from '../../foundation/metrics.ts'
import type { Random } from '../../foundation/random.ts'
import { Slots } from '../../foundation/slots.ts'
import { RefusedError } from '../audit/errors.ts'
import type { Actor, AuditEntry } from '../audit/events.ts'
import { SummedRows } from '../audit/summed-rows.ts'
import type { JwtAlgorithms } from '../keys/jwt-algorithms.ts'
import type { JwtSigner, KeysInUse } from '../keys/keys-in-use.ts'
import type { InstanceFacts } from '../resources/facts.ts'
import { checkAnswerBytes, jwtBytes, REFUSAL_BYTES, x509Bytes } from './answer-size.ts'
import { MixedAudienceError, refuseAudience } from './audience.ts'
import { type AuditedOccasion, issuedDetail, type Kind, refusedOf } from './audit-entries.ts'
import { boundsOf } from './bounds.ts'
import { type ApprovedClaim, type Claim, type ClaimDeps, checkClaim, StaleClaimError } from './claim.ts'
import { lifetimeOf } from './life-limits.ts'
import { refusePublicKey } from './public-key.ts'

export interface IssuerDeps extends ClaimDeps {
  readonly keys: () => Pick<KeysInUse, 'signer' | 'jwtSigners'>
  readonly jwt: Pick<JwtAlgorithms, 'of'>
  readonly audit: { recordAll(entries: readonly AuditEntry[]): Promise<void>; newReference(): string }
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly trustDomain: string
}

interface IssuedX509 {
  readonly chain: readonly Buffer[]
  readonly notBefore: number
  readonly notAfter: number
}

interface IssuedJwt {
  readonly token: string
  readonly issuedAt: number
  readonly expiresAt: number
}

/** The result of one element of a batch. */
export type Outcome<T> = { readonly issued: T } | { readonly error: CodedError }

/** A result, and the audit row that must be durable before it is sent. */
interface Signed<T> {
  readonly issued: T
  readonly entry: AuditEntry
}

/**
 * One element of a batch. `withdrawn` checks again, after recording, whether what the decision
 * depended on has changed.
 */
interface Decided<T> {
  readonly outcome: Outcome<T>
  readonly entry?: AuditEntry
  readonly withdrawn?: () => Decided<T> | undefined
}

/**
 * Why an element was not signed, for the audit log, and the agent's error if it is more than a
 * reference.
 */
interface Declined {
  readonly refused: string
  readonly error?: CodedError
}

/** How to sign an element that may be signed, and the most bytes that its answer will take. */
interface Signing<T> {
  readonly answerBytes: number
  readonly sign: () => Signed<T> | Promise<Signed<T>>
}

type Decision<T> = Decided<T> | Promise<Decided<T>>
type IssuePlan<T> =
  | { readonly decided: Decided<T> }
  | { readonly answerBytes: number; readonly carryOut: () => Decision<T> }

/** Reserves room for an answer of this many bytes before it exists. @throws when there is no room */
export type ExpectAnswer = (bytes: number) => void

/** How long deciding and signing may block the event loop before other instances get a turn. */
const SLICE_MS = 4
/** Slow signatures run on libuv's thread pool, which has four threads for all purposes. */
const IN_THREADS = 2
/** Rows for refusals per instance, so that asking for too much cannot fill the disk. */
const REFUSAL_ROWS = { burst: 100, perSecond: 0.2 }

/** Issues SVIDs to agents. The authority makes its own decision, signs, records, and only then answers. */
export class Issuer implements AsyncDisposable {
  readonly #deps: IssuerDeps
  readonly #total: Counter
  readonly #threads = new Slots(IN_THREADS)
  readonly #turns: FairTurns<string>
  readonly #refusals: SummedRows

  constructor(deps: IssuerDeps) {
    this.#deps = deps
    this.#refusals = new SummedRows(deps, REFUSAL_ROWS)
    this.#turns = new FairTurns({ clock: deps.clock, sliceMs: SLICE_MS })
    this.#total = deps.metrics.counter('issue_total', 'Requested SVIDs, by result', ['kind', 'result'])
  }

  issueX509(
    actor: Actor,
    instance: InstanceFacts,
    requests: readonly { readonly claim: Claim; readonly publicKey: Buffer }[],
    expectAnswer: ExpectAnswer,
  ): Promise<Outcome<IssuedX509>[]> {
    return this.#issue('x509', instance.id, requests, expectAnswer, ({ claim, publicKey }) => {
      const asked = { actor, instance, claim }
      return this.#plan('x509', asked, (approved) => {
        const { grant } = approved
        const refused = refusePublicKey(publicKey, grant.x509.keyType)
        if (refused !== undefined) return { refused }
        return { answerBytes: x509Bytes(grant), sign: () => this.#signX509(asked, approved, publicKey) }
      })
    })
  }

  issueJwt(
    actor: Actor,
    instance: InstanceFacts,
    requests: readonly { readonly claim: Claim; readonly audience: readonly string[] }[],
    expectAnswer: ExpectAnswer,
  ): Promise<Outcome<IssuedJwt>[]> {
    return this.#issue('jwt', instance.id, requests, expectAnswer, ({ claim, audience }) => {
      const asked = { actor, instance, claim }
      return this.#plan('jwt', asked, (approved) => {
        const { grant } = approved
        const refused =
          refuseAudience(audience, this.#deps.trustDomain) ?? grant.jwt.audiences?.refusalOf(audience)
        if (refused !== undefined) return { refused }
        const algorithm = this.#deps.jwt.of(audience)
        const signer = algorithm && this.#deps.keys().jwtSigners.get(algorithm)
        if (signer === undefined) {
          const error = new MixedAudienceError()
          return { refused: error.message, error }
        }
        return {
          answerBytes: jwtBytes(grant, audience),
          sign: () => this.#signJwt(signer, asked, approved, audience),
        }
      })
    })
  }

  /** Records the refusals that were only counted so far. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#refusals[Symbol.asyncDispose]()
  }

  async #issue<Request, T>(
    kind: Kind,
    instanceId: string,
    requests: readonly Request[],
    expectAnswer: ExpectAnswer,
    plan: (request: Request) => IssuePlan<T>,
  ): Promise<Outcome<T>[]> {
    const turns = { turns: this.#turns, clock: this.#deps.clock, key: instanceId }
    const plans: IssuePlan<T>[] = []
    await inTurns(turns, requests, (request) => void plans.push(plan(request)))
    await this.#checkAnswer(plans, expectAnswer)
    const decisions: Decision<T>[] = []
    const signing: Promise<Decided<T>>[] = []
    await inTurns(turns, plans, (each) => {
      const decision = 'decided' in each ? each.decided : each.carryOut()
      decisions.push(decision)
      if (!(decision instanceof Promise)) return undefined
      decision.catch(() => undefined) // handled below
      // A batch never holds more than IN_THREADS threads; other batches get a turn between its
      // elements.
      return signing.push(decision) >= IN_THREADS ? signing.shift() : undefined
    })
    const isSigning = decisions.some((decision) => decision instanceof Promise)
    const decided = isSigning ? await Promise.all(decisions) : (decisions as Decided<T>[])
    await this.#record(decided)
    // Things may have changed while the rows became durable. An SVID whose grant was withdrawn is not
    // sent, although the audit log has it as issued.
    const withdrawn: Decided<T>[] = []
    const outcomes = decided.map((each) => {
      const instead = each.withdrawn?.()
      if (instead) withdrawn.push(instead)
      return (instead ?? each).outcome
    })
    await this.#record(withdrawn)
    for (const outcome of outcomes) this.#count(kind, outcome)
    return outcomes
  }

  /**
   * Runs before anything is signed. Refusals are recorded even if the whole batch is refused. @throws
   * AnswerTooLongError
   */
  async #checkAnswer(plans: readonly IssuePlan<unknown>[], expectAnswer: ExpectAnswer): Promise<void> {
    const bytes = plans.reduce((sum, plan) => sum + ('decided' in plan ? REFUSAL_BYTES : plan.answerBytes), 0)
    try {
      checkAnswerBytes(bytes)
      expectAnswer(bytes)
    } catch (error) {
      await this.#record(plans.flatMap((plan) => ('decided' in plan ? [plan.decided] : [])))
      throw error
    }
  }

  async #record(decided: readonly Decided<unknown>[]): Promise<void> {
    const entries = decided.flatMap(({ entry }) => (entry ? [entry] : []))
    if (entries.length > 0) await this.#deps.audit.recordAll(entries)
  }

  #plan<T>(
    svid: Kind,
    asked: AuditedOccasion,
    look: (approved: ApprovedClaim) => Signing<T> | Declined,
  ): IssuePlan<T> {
    try {
      const decision = checkClaim(this.#deps, asked.instance, asked.claim)
      if ('refused' in decision) return { decided: this.#refuse(svid, asked, decision, decision.attributes) }
      const signing = look(decision)
      if ('refused' in signing) return { decided: this.#refuse(svid, asked, signing, decision.attributes) }
      const { answerBytes, sign } = signing
      return { answerBytes, carryOut: () => this.#carryOut(svid, asked, decision, sign) }
    } catch (error) {
      return { decided: { outcome: { error: requireCoded(error) } } }
    }
  }

  #carryOut<T>(
    svid: Kind,
    asked: AuditedOccasion,
    approved: ApprovedClaim,
    sign: Signing<T>['sign'],
  ): Decision<T> {
    try {
      const result = sign()
      return result instanceof Promise
        ? result.then((signed) => this.#conclude(svid, asked, approved, signed))
        : this.#conclude(svid, asked, approved, result)
    } catch (error) {
      return { outcome: { error: requireCoded(error) } }
    }
  }

  #conclude<T>(
    svid: Kind,
    asked: AuditedOccasion,
    approved: ApprovedClaim,
    { issued, entry }: Signed<T>,
  ): Decided<T> {
    return {
      outcome: { issued },
      entry,
      withdrawn: () => this.#withdrawn(svid, asked, approved),
    }
  }

  #withdrawn(svid: Kind, asked: AuditedOccasion, approved: ApprovedClaim): Decided<never> | undefined {
    const { instance, claim } = asked
    const { spiffeId } = approved.grant
    const { botLock, lockOn } = boundsOf(this.#deps, instance)
    const lock = botLock ?? lockOn({ workloadIdentity: claim.workloadIdentity, spiffeId })
    if (lock) return this.#refuse(svid, asked, { refused: lock }, approved.attributes)
    const { revision } = this.#deps.identity(claim.workloadIdentity) ?? {}
    if (revision === claim.revision && this.#deps.bounds(instance.bot) === approved.bounds) return undefined
    return { outcome: { error: new StaleClaimError('what the bot may use has changed: sync and ask again') } }
  }

  #refuse(svid: Kind, asked: AuditedOccasion, declined: Declined, attributes: unknown): Decided<never> {
    const { refused: reason } = declined
    const { reference, entry } = this.#refusals.note(refusedOf(svid, asked, reason, attributes))
    const error = declined.error ?? new RefusedError(reference, reason)
    return { outcome: { error }, ...(entry ? { entry } : {}) }
  }

  #signX509(
    asked: AuditedOccasion,
    { grant, roleMaxTtlSeconds, attributes }: ApprovedClaim,
    publicKeyDer: Buffer,
  ): Signed<IssuedX509> {
    const ca = this.#deps.keys().signer('spiffe_x509')
    const { notBefore, notAfter } = lifetimeOf('x509', {
      nowMs: this.#deps.clock.now().getTime(),
      ttlSeconds: grant.x509.ttlSeconds,
      roleMaxTtlSeconds,
      signerNotAfter: ca.notAfter,
    })
    const serial = randomSerial(this.#deps.random)
    const leaf = ca.signLeaf({
      serial,
      publicKeyDer,
      notBefore,
      notAfter,
      subject: EMPTY_SUBJECT,
      uriSan: grant.spiffeId,
      dnsSans: grant.x509.dnsSans,
      extKeyUsages: ['serverAuth', 'clientAuth'],
    })
    return {
      issued: { chain: [leaf], notBefore, notAfter },
      entry: {
        event: 'x509_svid.issued',
        actor: asked.actor,
        detail: {
          ...issuedDetail(asked, grant.revision, grant.spiffeId, notAfter, attributes),
          serial: serial.toString('hex'),
          dnsSans: grant.x509.dnsSans,
        },
      },
    }
  }

  #signJwt(
    jwt: JwtSigner,
    asked: AuditedOccasion,
    { grant, roleMaxTtlSeconds, attributes }: ApprovedClaim,
    audience: readonly string[],
  ): Signed<IssuedJwt> | Promise<Signed<IssuedJwt>> {
    const { now, notBefore, notAfter } = lifetimeOf('jwt', {
      nowMs: this.#deps.clock.now().getTime(),
      ttlSeconds: grant.jwt.ttlSeconds,
      roleMaxTtlSeconds,
      signerNotAfter: jwt.notAfter,
    })
    const jti = this.#deps.random.bytes(16).toString('base64url')
    // Registered claims come last, so that no template can override them. `aud` is always an array,
    // because some clients expect one. `iat` is the actual time; `nbf` is earlier, for hosts whose
    // clocks are behind.
    const { extraClaims } = grant.jwt
    const registered = { sub: grant.spiffeId, aud: audience, iat: now, nbf: notBefore, exp: notAfter, jti }
    const claims = { ...extraClaims, ...registered }
    const signed = (token: string): Signed<IssuedJwt> => ({
      issued: { token, issuedAt: now, expiresAt: notAfter },
      entry: {
        event: 'jwt_svid.issued',
        actor: asked.actor,
        detail: {
          ...issuedDetail(asked, grant.revision, grant.spiffeId, notAfter, attributes),
          jti,
          alg: jwt.alg,
          audience,
        },
      },
    })
    // A P-256 signature takes less time than starting work in a thread.
    if (jwt.alg === 'ES256') return signed(jwt.sign(claims))
    return this.#threads.run(() => jwt.signInThread(claims)).then(signed)
  }

  #count(kind: Kind, outcome: Outcome<unknown>): void {
    const result = 'issued' in outcome ? 'issued' : (RESULTS[outcome.error.kind] ?? 'refused')
    this.#total.inc({ kind: `${kind}_svid`, result })
  }
}

const RESULTS: { readonly [kind in CodedError['kind']]?: string } = {
  failed_precondition: 'stale',
  unavailable: 'unavailable',
}

/**
 * The subject is empty and the identity is in the URI SAN, which therefore is critical (RFC 5280
 * §4.2.1.6).
 */
const EMPTY_SUBJECT = {}
