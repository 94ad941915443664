import { SharedLru } from '../../foundation/shared-lru.ts'
import type { Peer } from '../../peer/peer.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Grant } from '../../policy/compile.ts'
import { decide } from '../../policy/decision.ts'
import type { Attestation } from '../attestation/attest.ts'
import type { Knowledge, KnowledgeSource } from '../sync/knowledge.ts'
import { NoIdentityError, type NoIdentityReason, NotSyncedError } from './errors.ts'
import type { IdentitySet } from './identity-set.ts'
import type { IdentitySets } from './identity-sets.ts'
import type { LeftOut } from './left-out.ts'
import { project } from './projection.ts'

/**
 * Cache size for decisions under one state of knowledge. Decisions beyond it are made again when
 * needed.
 */
const MAX_DECISION_BYTES = 16 * 1024 * 1024
const BYTES_A_DECISION = 256

/** The identities that a caller may have now. @throws as {@link Entitlements.of} does */
export type Entitled = (peer: Peer) => IdentitySet | Promise<IdentitySet>

type Decision = IdentitySet | NoIdentityReason

interface Remembered {
  readonly knowledge: Knowledge
  readonly decision: Decision
}

interface EntitlementsDeps {
  readonly knowledge: KnowledgeSource
  readonly attestation: Pick<Attestation, 'attest'>
  readonly sets: IdentitySets
  readonly maxIdentitiesPerCaller: number
  readonly allowUnauthenticatedVerifiers: boolean
  readonly leftOut: Pick<LeftOut, 'identities'>
}

/**
 * Maps an attested caller to the identities it may have now. A decision is made once per state of
 * knowledge and per set of attributes that the policy distinguishes. That the caller is still the
 * same process is checked every time.
 */
export class Entitlements {
  readonly #deps: EntitlementsDeps
  readonly #remembered = new WeakMap<Attributes, Remembered>()
  readonly #decisions = new SharedLru<number, Decision>(MAX_DECISION_BYTES, {
    sizeOf: (key) => BYTES_A_DECISION + key.length,
  })
  #decidedFor: Knowledge | undefined
  readonly #refusals = new Map<NoIdentityReason, NoIdentityError>()

  constructor(deps: EntitlementsDeps) {
    this.#deps = deps
  }

  /**
   * @throws NotSyncedError, AttestationFailedError, ProcessChangedError, or NoIdentityError if the
   * policy grants nothing
   */
  of(peer: Peer): IdentitySet | Promise<IdentitySet> {
    const knowledge = this.#deps.knowledge.value
    if (knowledge === undefined) throw new NotSyncedError()
    const attributes = this.#deps.attestation.attest(
      peer,
      knowledge.policy.usedAttributes,
      (path, workload) => knowledge.policy.dependsOn(path, { workload, ...knowledge.facts }),
    )
    if (!(attributes instanceof Promise)) return this.#entitled(peer, attributes, knowledge)
    // The policy may have changed meanwhile, and with it the attributes it needs.
    return attributes.then((found) =>
      this.#deps.knowledge.value === knowledge ? this.#entitled(peer, found, knowledge) : this.of(peer),
    )
  }

  #entitled(peer: Peer, attributes: Attributes, knowledge: Knowledge): IdentitySet {
    const known = this.#remembered.get(attributes)
    const isKnown = known?.knowledge === knowledge && !isForgotten(known.decision)
    const decision = isKnown ? known.decision : this.#decide(peer, attributes, knowledge)
    if (typeof decision === 'string') throw this.#refusal(decision)
    return decision
  }

  /**
   * Like {@link of}, for callers that want bundles only. If the operator allows it, a caller
   * without an identity gets the empty set, with the bundle of the agent's own trust domain.
   * @throws as `of` does
   */
  toBundles(peer: Peer): IdentitySet | Promise<IdentitySet> {
    if (!this.#deps.allowUnauthenticatedVerifiers) return this.of(peer)
    try {
      const set = this.of(peer)
      return set instanceof Promise ? set.catch((error: unknown) => this.#withoutIdentity(peer, error)) : set
    } catch (error) {
      return this.#withoutIdentity(peer, error)
    }
  }

  /** A lock on the bot withdraws everything, including bundles. */
  #withoutIdentity({ credentials }: Peer, error: unknown): IdentitySet {
    if (!(error instanceof NoIdentityError) || error.reason === 'bot_locked') throw error
    return this.#deps.sets.of([], credentials.uid)
  }

  /** Cached per reason: creating an error captures its stack, which costs as much as the call. */
  #refusal(reason: NoIdentityReason): NoIdentityError {
    let error = this.#refusals.get(reason)
    if (error === undefined) {
      error = new NoIdentityError(reason)
      this.#refusals.set(reason, error)
    }
    return error
  }

  #decide({ credentials }: Peer, attributes: Attributes, knowledge: Knowledge): Decision {
    const { uid } = credentials
    if (this.#decidedFor !== knowledge) {
      this.#decidedFor = knowledge
      this.#decisions.clear()
    }
    const key = project(attributes, knowledge.policy.usedAttributes)
    let decision = this.#decisions.get(key, uid)
    if (decision === undefined || isForgotten(decision)) {
      decision = this.#evaluate(uid, attributes, knowledge)
      this.#decisions.set(key, decision, uid)
    }
    this.#remembered.set(attributes, { knowledge, decision })
    return decision
  }

  #evaluate(uid: number, attributes: Attributes, knowledge: Knowledge): Decision {
    const { join, bot } = knowledge.facts
    const decision = decide(knowledge.policy, { ...attributes, join, bot }, knowledge)
    if ('by' in decision) return decision.by
    return this.#deps.sets.of(this.#limit(decision.grants, attributes['workload'] as Attributes), uid)
  }

  /** Keeps the first ones in order, so that the caller's default identity stays the same. */
  #limit(grants: readonly Grant[], workload: Attributes): readonly Grant[] {
    const { maxIdentitiesPerCaller: most, leftOut } = this.#deps
    if (grants.length <= most) return grants
    leftOut.identities(grants.length, most, workload)
    return grants.slice(0, most)
  }
}

function isForgotten(decision: Decision): boolean {
  return typeof decision !== 'string' && decision.isForgotten
}
