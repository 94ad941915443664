import type { KeyType } from '../crypto/keys.ts'
import type { AllowedAudiences } from './allowed-audiences.ts'
import { type Attributes, touches } from './attributes.ts'
import type { ClaimsTemplate } from './claims-template.ts'
import type { DnsNameTemplate } from './dns-name-template.ts'
import { Facts } from './expression.ts'
import type { Grant, IdentityExplanation, Refusal } from './grant.ts'
import type { Miss, Rule } from './rule.ts'
import type { SpiffeIdTemplate } from './spiffe-id-template.ts'
import type { WorkloadIdentity } from './workload-identity.ts'

export interface CompiledParts {
  readonly spiffeId: SpiffeIdTemplate
  readonly hint: string
  readonly priority: number
  readonly allow: readonly Rule[]
  readonly deny: readonly Rule[]
  readonly x509TtlSeconds: number
  readonly keyType: KeyType
  readonly jwtTtlSeconds: number
  readonly dnsNames: readonly DnsNameTemplate[]
  readonly claims: ClaimsTemplate | undefined
  readonly audiences: AllowedAudiences | undefined
  readonly federatesWith: readonly string[]
}

const MAX_REASONS_SHOWN = 3

/** A checked workload identity. The same code decides and explains, so the two cannot differ. */
export class CompiledIdentity {
  readonly identity: WorkloadIdentity
  readonly usedAttributes: ReadonlySet<string>
  readonly parts: CompiledParts
  /** True if nothing in the grant depends on the caller; the grant of each rule is then cached. */
  readonly #isConstant: boolean
  readonly #constants = new Map<string, Grant>()

  constructor(identity: WorkloadIdentity, parts: CompiledParts) {
    this.identity = identity
    this.parts = parts
    const rendered = this.renderedAttributes()
    this.#isConstant = rendered.size === 0
    const used = new Set(rendered)
    for (const rules of [parts.allow, parts.deny]) {
      for (const rule of rules) for (const attribute of rule.usedAttributes()) used.add(attribute)
    }
    this.usedAttributes = used
  }

  /** The attributes that appear in issued credentials, as opposed to those that only decide. */
  renderedAttributes(): ReadonlySet<string> {
    const { spiffeId, dnsNames, claims } = this.parts
    return new Set([
      ...spiffeId.usedAttributes,
      ...dnsNames.flatMap((name) => [...name.usedAttributes]),
      ...(claims?.usedAttributes ?? []),
    ])
  }

  decide(attributes: Attributes): Grant | Refusal {
    const decision = this.#evaluate(new Facts(attributes))
    if (typeof decision !== 'function') return decision
    return { identity: this.identity.name, refused: decision() }
  }

  /** The grant, or undefined. No reason is built, and the facts may be shared with other identities. */
  grantOn(facts: Facts): Grant | undefined {
    const decision = this.#evaluate(facts)
    return typeof decision === 'function' ? undefined : decision
  }

  /**
   * Whether an unknown value at `path` (an attribute or a tree) affects if this caller gets the
   * identity, or what the identity renders for it.
   */
  dependsOn(path: string, facts: Facts): boolean {
    if (!touches(this.usedAttributes, path)) return false
    const { allow, deny } = this.parts
    const deciding = new Set(allow.filter((rule) => rule.dependsOn(path, facts)))
    const isGranted = allow.some((rule) => !deciding.has(rule) && rule.miss(facts) === undefined)
    if (!isGranted) return deciding.size > 0
    return touches(this.renderedAttributes(), path) || deny.some((rule) => rule.dependsOn(path, facts))
  }

  /** Describes a grant of this identity for an operator. */
  describe({ spiffeId, hint, priority, rule, x509, jwt }: Grant): IdentityExplanation {
    const { name, revision } = this.identity
    const audiences = jwt.audiences ? { audiences: jwt.audiences.wanted } : {}
    const { keyType } = x509
    const { spec } = this.identity
    const ttls = {
      ...(spec.x509?.ttlSeconds === undefined ? {} : { x509Ttl: x509.ttlSeconds }),
      ...(spec.jwt?.ttlSeconds === undefined ? {} : { jwtTtl: jwt.ttlSeconds }),
    }
    const given = { spiffeId, hint, priority, keyType, ...audiences, ...ttls, rule }
    return { identity: name, revision, granted: true, ...given }
  }

  /** Returns the grant, or a function that builds the reason of the refusal. */
  #evaluate(facts: Facts): Grant | (() => string) {
    const { allow, deny } = this.parts
    const misses: { readonly rule: Rule; readonly miss: Miss }[] = []
    let matched: Rule | undefined
    for (const rule of allow) {
      const miss = rule.miss(facts)
      if (miss === undefined) {
        matched = rule
        break
      }
      misses.push({ rule, miss })
    }
    if (matched === undefined) {
      if (allow.length === 0) return () => 'it has no allow rule, so it grants nobody'
      return () => {
        const shown = misses
          .slice(0, MAX_REASONS_SHOWN)
          .map(({ rule, miss }) => `${rule.label}: ${miss.reason()}`)
        const rest = misses.length - shown.length
        return shown.join('; ') + (rest > 0 ? `; and ${rest} more rules that do not match` : '')
      }
    }
    for (const rule of deny) {
      const miss = rule.miss(facts)
      if (miss === undefined) return () => `${rule.label} matches, and a deny always wins`
      if (miss.error !== undefined) return () => `${rule.label}: ${miss.reason()}`
    }
    return this.#grant(matched.label, facts)
  }

  #grant(rule: string, facts: Facts): Grant | (() => string) {
    const constant = this.#constants.get(rule)
    if (constant) return constant
    const { parts, identity } = this
    const spiffeId = parts.spiffeId.render(facts)
    if ('refused' in spiffeId) return () => spiffeId.refused
    const dnsSans: string[] = []
    for (const template of parts.dnsNames) {
      const name = template.render(facts)
      if ('refused' in name) return () => name.refused
      if (!dnsSans.includes(name.value)) dnsSans.push(name.value)
    }
    const claims = parts.claims?.render(facts) ?? { value: {} }
    if ('refused' in claims) return () => claims.refused
    const rendered = {
      identity: identity.name,
      revision: identity.revision,
      spiffeId: spiffeId.value,
      hint: parts.hint,
      x509: { ttlSeconds: parts.x509TtlSeconds, keyType: parts.keyType, dnsSans },
      jwt: {
        ttlSeconds: parts.jwtTtlSeconds,
        extraClaims: claims.value,
        ...(parts.audiences ? { audiences: parts.audiences } : {}),
      },
      federatesWith: parts.federatesWith,
    }
    const key = JSON.stringify(Object.values(rendered))
    const grant: Grant = { ...rendered, priority: parts.priority, key, rule }
    if (this.#isConstant) this.#constants.set(rule, grant)
    return grant
  }
}
