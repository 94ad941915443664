import type { Knowledge } from '../../src/agent/sync/knowledge.ts'
import { compileWorkloadIdentity } from '../../src/policy/compile.ts'
import { Policy } from '../../src/policy/policy.ts'
import type { WorkloadIdentitySpec } from '../../src/policy/workload-identity.ts'
import { NO_BOUNDS } from './fake-bounds.ts'
import type { FakeIssuer } from './fake-issuer.ts'

/** Workload identities by name. Their revision is `1` by default. */
export type Identities = Readonly<Record<string, WorkloadIdentitySpec & { readonly revision?: string }>>

export function policyOf(identities: Identities): Policy {
  return Policy.of(
    Object.entries(identities).map(([name, { revision = '1', ...spec }]) =>
      compileWorkloadIdentity(
        { name, revision, labels: {}, spec },
        { trustDomain: 'example.org', x509TtlSeconds: 3600, jwtTtlSeconds: 300 },
      ),
    ),
  )
}

/** The knowledge of an agent after a sync with the fake authority. */
export function knowledgeOf(
  issuer: FakeIssuer,
  identities: Identities,
  more: Partial<Knowledge> = {},
): Knowledge {
  return {
    policy: policyOf(identities),
    bundle: issuer.bundle(),
    federatedBundles: new Map(),
    facts: { join: { method: 'secret' }, bot: { name: 'builder' } },
    activeX509KeyId: issuer.activeX509KeyId,
    activeJwtKeyIds: new Set([issuer.activeJwtKeyId]),
    taintedKeyIds: new Set(),
    ...NO_BOUNDS,
    lifeLimits: () => undefined,
    version: 1,
    ...more,
  }
}
