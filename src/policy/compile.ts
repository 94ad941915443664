import { KEY_TYPES, type KeyType } from '../crypto/keys.ts'
import { isTrustDomainName } from '../spiffe/trust-domain.ts'
import { AllowedAudiences } from './allowed-audiences.ts'
import { ClaimsTemplate } from './claims-template.ts'
import { CompiledIdentity, type CompiledParts } from './compiled-identity.ts'
import { DnsNameTemplate } from './dns-name-template.ts'
import { DEFAULT_PRIORITY } from './precedence.ts'
import { isMapping, PolicyInvalidError, type ProblemPath, Problems } from './problem.ts'
import { Rule } from './rule.ts'
import { SpiffeIdTemplate } from './spiffe-id-template.ts'
import type { WorkloadIdentity } from './workload-identity.ts'

export { CompiledIdentity } from './compiled-identity.ts'
export type { Explanation, Grant, IdentityExplanation } from './grant.ts'
export { lintWorkloadIdentity } from './lint.ts'
export { PolicyInvalidError } from './problem.ts'

/** The defaults for what a resource leaves out. */
interface CompileDefaults {
  readonly trustDomain: string
  readonly x509TtlSeconds: number
  readonly jwtTtlSeconds: number
}

const SPEC_KEYS = ['spiffe_id', 'hint', 'priority', 'allow', 'deny', 'x509', 'jwt', 'federates_with']
const MAX_PRIORITY = 1000
const MAX_RULES = 256
const MAX_DNS_NAMES = 64
const MAX_FEDERATED = 64
/** Workload API §8: clients need not accept longer hints. */
const MAX_HINT_BYTES = 1024

/** Checks and compiles a workload identity. @throws PolicyInvalidError with every mistake in it */
export function compileWorkloadIdentity(
  identity: WorkloadIdentity,
  defaults: CompileDefaults,
): CompiledIdentity {
  const problems = new Problems()
  const parts = compileSpec(identity.spec, defaults, problems)
  if (parts === undefined || problems.list.length > 0) {
    throw new PolicyInvalidError(`workload identity ${identity.name}`, problems.list)
  }
  return new CompiledIdentity(identity, parts)
}

function compileSpec(
  spec: unknown,
  defaults: CompileDefaults,
  problems: Problems,
): CompiledParts | undefined {
  if (!isMapping(spec)) {
    problems.add([], 'expected a mapping')
    return undefined
  }
  problems.unknownKeys([], spec, SPEC_KEYS)
  const x509 = section(spec, 'x509', ['ttlSeconds', 'key_type', 'dns_sans'], problems)
  const jwt = section(spec, 'jwt', ['ttlSeconds', 'extra_claims', 'allowed_audiences'], problems)
  const text = spec['spiffe_id']
  const spiffeId =
    typeof text === 'string'
      ? problems.attempt(['spiffe_id'], () => SpiffeIdTemplate.compile(text, defaults.trustDomain))
      : problems.add(['spiffe_id'], 'expected a path such as /svc/payments')
  const hint = spec['hint'] ?? ''
  if (typeof hint !== 'string' || Buffer.byteLength(hint) > MAX_HINT_BYTES || hint.includes('{{')) {
    problems.add(['hint'], `expected a plain text of ${MAX_HINT_BYTES} bytes at most`)
  }
  const claims = jwt['extra_claims']
  const audiences = jwt['allowed_audiences']
  const parts = {
    hint: String(hint),
    priority: priority(spec['priority'], problems),
    allow: rules(spec['allow'], 'allow', problems),
    deny: rules(spec['deny'], 'deny', problems),
    x509TtlSeconds: ttl(x509['ttlSeconds'], defaults.x509TtlSeconds, ['x509', 'ttl'], problems),
    keyType: keyType(x509['key_type'], problems),
    jwtTtlSeconds: ttl(jwt['ttlSeconds'], defaults.jwtTtlSeconds, ['jwt', 'ttl'], problems),
    dnsNames: dnsNames(x509['dns_sans'], problems),
    claims:
      claims === undefined ? undefined : ClaimsTemplate.compile(claims, ['jwt', 'extra_claims'], problems),
    audiences:
      audiences === undefined
        ? undefined
        : AllowedAudiences.compile(audiences, ['jwt', 'allowed_audiences'], problems),
    federatesWith: federatesWith(spec['federates_with'], defaults.trustDomain, problems),
  }
  return spiffeId ? { ...parts, spiffeId } : undefined
}

function section(
  spec: Readonly<Record<string, unknown>>,
  key: string,
  known: readonly string[],
  problems: Problems,
): Readonly<Record<string, unknown>> {
  const value = spec[key]
  if (isMapping(value)) {
    problems.unknownKeys([key], value, known)
    return value
  }
  if (value !== undefined) problems.add([key], 'expected a mapping')
  return {}
}

/** Returns a list of at most `most` elements; anything else adds a problem and gives an empty list. */
function listOf(
  value: unknown,
  most: number,
  what: string,
  path: ProblemPath,
  problems: Problems,
): unknown[] {
  if (value === undefined) return []
  if (Array.isArray(value) && value.length <= most) return value
  problems.add(path, `expected a list of ${most} ${what} at most`)
  return []
}

function priority(value: unknown, problems: Problems): number {
  if (value === undefined) return DEFAULT_PRIORITY
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_PRIORITY) return Number(value)
  problems.add(['priority'], `expected a whole number from 0 to ${MAX_PRIORITY}`)
  return DEFAULT_PRIORITY
}

function rules(value: unknown, key: 'allow' | 'deny', problems: Problems): Rule[] {
  return listOf(value, MAX_RULES, 'rules', [key], problems).flatMap(
    (rule, at) => Rule.compile(rule, [key, at], problems) ?? [],
  )
}

function ttl(value: unknown, otherwise: number, path: ProblemPath, problems: Problems): number {
  if (value === undefined) return otherwise
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  problems.add(path, 'expected a duration above zero')
  return otherwise
}

function keyType(value: unknown, problems: Problems): KeyType {
  const known = KEY_TYPES.find((type) => type === (value ?? 'ec-p256'))
  if (known === undefined) problems.add(['x509', 'key_type'], `expected one of ${KEY_TYPES.join(', ')}`)
  return known ?? 'ec-p256'
}

function dnsNames(value: unknown, problems: Problems): DnsNameTemplate[] {
  const path = ['x509', 'dns_sans']
  return listOf(value, MAX_DNS_NAMES, 'DNS names', path, problems).flatMap((name, at) => {
    if (typeof name === 'string')
      return problems.attempt([...path, at], () => DnsNameTemplate.compile(name)) ?? []
    problems.add([...path, at], 'expected a DNS name')
    return []
  })
}

function federatesWith(value: unknown, own: string, problems: Problems): string[] {
  const path = ['federates_with']
  return listOf(value, MAX_FEDERATED, 'trust domains', path, problems).flatMap((name, at) => {
    if (typeof name === 'string' && isTrustDomainName(name) && name !== own) return [name]
    problems.add([...path, at], 'expected the name of another trust domain, such as partner.example')
    return []
  })
}
