import type { Logger } from '../../foundation/logger.ts'
import { type CompiledIdentity, compileWorkloadIdentity } from '../../policy/compile.ts'
import type { WorkloadIdentitySpec } from '../../policy/workload-identity.ts'
import type { WorkloadIdentity__Output } from '../../rpc/gen/signet/v1/WorkloadIdentity.ts'

/** A workload identity as it came, to be kept; compiled beside it. */
export type IdentityRecord = Pick<WorkloadIdentity__Output, 'name' | 'revision' | 'labels' | 'specJson'>

/** The authority's defaults decide when it signs; these only stand in what the agent shows. */
const DEFAULTS = { x509TtlSeconds: 3600, jwtTtlSeconds: 300 }

/**
 * Undefined when this agent does not understand it: the authority may be of a newer version. Nobody is then granted it here,
 * and everything else goes on.
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
