import { CodedError } from '../../foundation/errors.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Bundle } from '../../spiffe/bundle.ts'
import type { NoIdentityReason } from '../entitlement/errors.ts'
import { bundleFor, federatedBundles } from '../entitlement/granted-bundles.ts'
import type { IdentitySet } from '../entitlement/identity-set.ts'
import { MAX_MESSAGE_SIZE } from '../entitlement/message.ts'
import { UnusableSvidError } from '../svid-cache/errors.ts'
import type { SvidCache } from '../svid-cache/svid-cache.ts'
import type { X509State } from '../svid-cache/x509-entry.ts'
import type { Knowledge } from '../sync/knowledge.ts'
import { trustDomainId } from '../workload-api/bundles-message.ts'
import type { Secret } from './secret.ts'
import { type SecretNames, trustDomainOf } from './secret-names.ts'
import type { SecretStore } from './secret-store.ts'

/** Why a name is left out. For the operator, never for the caller. */
type AbsenceReason =
  | NoIdentityReason
  | 'unknown_name'
  | 'bundle_missing'
  | 'mixes_trust_domains'
  | 'too_large'

export interface Absence {
  readonly name: string
  readonly reason: AbsenceReason
}

/** The result for each requested name. */
export interface FoundSecret {
  readonly secrets: readonly Secret[]
  /**
   * Bundles that are unavailable or not for this caller. `secrets` has, under their names,
   * validation contexts that trust nobody.
   */
  readonly closed: readonly Absence[]
  /** Names that are unknown or not for this caller. */
  readonly absent: readonly Absence[]
  /** Secrets of the caller that are still being issued. */
  readonly pending: readonly string[]
}

export interface OfferDeps {
  readonly svids: Pick<SvidCache, 'ensureX509'>
  readonly names: SecretNames
  readonly store: SecretStore
}

/** The caller for whom the offer is made. */
interface Offered {
  /** Undefined if the caller has no identity; `refused` says why. */
  readonly set: IdentitySet | undefined
  /** `workload.*` of the caller. */
  readonly workload: Attributes
  /** The user whose share of the store the secrets count to. */
  readonly uid: number
  readonly refused: NoIdentityReason | undefined
  readonly knowledge: Knowledge
  /** Plain CA certificates instead of the SPIFFE validator. */
  readonly plain: boolean
}

type Resolution = Secret | AbsenceReason | 'pending'

/** A trust domain that cannot exist (RFC 6761 §6.4). */
const NO_TRUST_DOMAIN = 'nobody.invalid'

/** Encoding overhead per secret, in bytes. */
const OVERHEAD = 512

/** The secrets that one caller may have at this moment, by name. */
export class Offer {
  readonly #deps: OfferDeps
  readonly #for: Offered

  constructor(deps: OfferDeps, offered: Offered) {
    this.#deps = deps
    this.#for = offered
  }

  /**
   * Finds the requested names. With `isWildcard`, also everything else that the caller may have,
   * under its real name.
   */
  find(asked: readonly string[], isWildcard: boolean): FoundSecret {
    const names = isWildcard ? [...new Set([...asked, ...this.#realNames()])] : asked
    const secrets: Secret[] = []
    const absent: Absence[] = []
    const closed: Absence[] = []
    const pending: string[] = []
    let room = MAX_MESSAGE_SIZE
    for (const name of names) {
      const found = this.#resolve(name)
      const outcome = isAbsence(found) ? (this.#closed(name, found) ?? found) : found
      if (isAbsence(found) && typeof outcome !== 'string') closed.push({ name, reason: found })
      if (outcome === 'pending') pending.push(name)
      else if (typeof outcome === 'string') absent.push({ name, reason: outcome })
      else {
        room -= outcome.bytes.length + name.length + OVERHEAD
        if (room < 0) absent.push({ name, reason: 'too_large' })
        else secrets.push(outcome)
      }
    }
    return { secrets, closed, absent, pending }
  }

  /**
   * A bundle that trusts nobody, in place of one that the client may have got before, perhaps on an
   * earlier stream. Undefined for names that are not bundles.
   */
  #closed(name: string, reason: AbsenceReason): Secret | undefined {
    const { names, store } = this.#deps
    const { set, knowledge, plain, uid } = this.#for
    if (reason === 'mixes_trust_domains') return undefined
    switch (names.kindOf(name)) {
      case 'bundle':
        return store.closed(name, trustDomainOf(name), plain, uid)
      case 'own_bundle':
      case 'all_bundles':
        // A caller without an identity does not learn the name of the trust domain, either.
        return store.closed(
          name,
          set === undefined ? NO_TRUST_DOMAIN : knowledge.bundle.trustDomain,
          plain,
          uid,
        )
      default:
        return undefined
    }
  }

  *#realNames(): Generator<string> {
    const { set, knowledge } = this.#for
    if (set === undefined) return
    for (const { spiffeId } of set.grants) yield spiffeId
    for (const { trustDomain } of this.#allBundles(set, knowledge)) yield trustDomainId(trustDomain)
  }

  #resolve(name: string): Resolution {
    const { set, refused, knowledge } = this.#for
    const kind = this.#deps.names.kindOf(name)
    if (kind === 'unknown') return 'unknown_name'
    if (set === undefined) return refused ?? 'no_identity'
    if (kind === 'svid') return this.#svid(name, set)
    if (kind === 'default_svid') return this.#defaultSvid(name, set)
    if (kind === 'all_bundles') return this.#all(name, set, knowledge)
    const trustDomain = kind === 'own_bundle' ? knowledge.bundle.trustDomain : trustDomainOf(name)
    const bundle = bundleFor(trustDomain, set.grants, knowledge)
    if (bundle !== undefined) return this.#bundles(name, [bundle])
    const isFederated = set.grants.some(({ federatesWith }) => federatesWith.includes(trustDomain))
    return isFederated ? 'bundle_missing' : 'not_entitled'
  }

  /**
   * The first identity in order that is not refused and whose issued SVID is usable. An outage does
   * not count: the default must not change with every outage.
   */
  #defaultSvid(name: string, set: IdentitySet): Resolution {
    let outcome: Resolution = set.grants.length === 0 ? 'no_identity' : 'refused_by_authority'
    for (const grant of set.grants) {
      const state = this.#deps.svids.ensureX509(grant, this.#for.workload)
      if (state.svid !== undefined) return this.#deps.store.svid(name, state.svid)
      if (isRefused(state)) continue
      if (!isUnusable(state)) return 'pending'
      outcome = 'pending'
    }
    return outcome
  }

  /** Several workload identities may give the same SPIFFE ID; any of them will do. */
  #svid(name: string, set: IdentitySet): Resolution {
    let outcome: Resolution = set.grants.length === 0 ? 'no_identity' : 'not_entitled'
    for (const grant of set.grants) {
      if (grant.spiffeId !== name) continue
      const state = this.#deps.svids.ensureX509(grant, this.#for.workload)
      if (state.svid !== undefined) return this.#deps.store.svid(name, state.svid)
      if (!isRefused(state)) outcome = 'pending'
      else if (outcome !== 'pending') outcome = 'refused_by_authority'
    }
    return outcome
  }

  /** In a plain list of CA certificates, any trust domain could vouch for IDs of any other. */
  #all(name: string, set: IdentitySet, knowledge: Knowledge): Resolution {
    if (this.#for.plain) return 'mixes_trust_domains'
    return this.#bundles(name, this.#allBundles(set, knowledge))
  }

  #allBundles({ grants }: IdentitySet, knowledge: Knowledge): readonly Bundle[] {
    const all = [knowledge.bundle, ...federatedBundles(grants, knowledge)]
    return all
      .filter(({ x509Authorities }) => x509Authorities.length > 0)
      .sort((a, b) => (a.trustDomain < b.trustDomain ? -1 : 1))
  }

  #bundles(name: string, bundles: readonly Bundle[]): Resolution {
    // Envoy refuses a SPIFFE validator without trust domains, and a trust domain without
    // certificates.
    const isUsable = bundles.length > 0 && bundles.every(({ x509Authorities }) => x509Authorities.length > 0)
    const { plain, uid } = this.#for
    return isUsable ? this.#deps.store.bundles(name, bundles, plain, uid) : 'bundle_missing'
  }
}

function isAbsence(outcome: Resolution): outcome is AbsenceReason {
  return typeof outcome === 'string' && outcome !== 'pending'
}

/** A refusal by the authority is final; any other failure may be temporary. */
function isRefused({ inFlight, failure }: X509State): boolean {
  return !inFlight && failure instanceof CodedError && failure.kind === 'permission_denied'
}

/** Issued but unusable: it is requested again, and until then counts as missing. */
function isUnusable({ inFlight, failure }: X509State): boolean {
  return !inFlight && failure instanceof UnusableSvidError
}
