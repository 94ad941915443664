import type { Logger } from '../../foundation/logger.ts'
import { type CompiledIdentity, compileWorkloadIdentity } from '../../policy/compile.ts'
import type { WorkloadIdentitySpec } from '../../policy/workload-identity.ts'
import type { WorkloadIdentity__Output } from '../../rpc/gen/signet/v1/WorkloadIdentity.ts'

/** A workload identity as received, for the saved state. */
export type IdentityRecord = Pick<WorkloadIdentity__Output, 'name' | 'revision' | 'labels' | 'specJson'>

/** Placeholders: the authority applies its own defaults when it signs. */
const DEFAULTS = { x509TtlSeconds: 3600, jwtTtlSeconds: 300 }

/**
 * Compiles a workload identity. Returns undefined if this agent does not understand it, as from a
 * newer authority; it is then granted to no caller here, and all others still work.
 */
export function compileRecord(
  record: IdentityRecord,
  trustDomain: string,
  logger: Logger,
): CompiledIdentity | undefined {
  const { name, revision, labels, specJson } = record
  try {
    const spec = JSON.parse(specJson) as WorkloadIdentitySpec
    return compileWorkloadIdentity({ name, revision, labels, spec }, { trustDomain, ...DEFAULTS })
  } catch (error) {
    logger.error(
      { event: 'identity.not_understood', identity: name, revision, err: error },
      'a workload identity is ignored: is the authority newer than this agent?',
    )
    return undefined
  }
}
