import type { Node__Output } from '../../rpc/gen/envoy/config/core/v3/Node.ts'

const DISABLE = 'disable_spiffe_cert_validation'
/** The first Envoy version with a SPIFFE certificate validator. */
const [MAJOR, MINOR] = [1, 18]

/**
 * Whether this Envoy asks for, or only supports, plain CA certificates instead of the SPIFFE
 * validator.
 */
export function wantsPlainCa(node: Node__Output | null): boolean {
  if (node === null) return false
  const fields = node.metadata?.fields
  const asked = fields && Object.hasOwn(fields, DISABLE) ? fields[DISABLE] : undefined
  if (asked?.boolValue === true || asked?.stringValue === 'true') return true
  const version = node.userAgentBuildVersion?.version
  if (!version) return false
  return version.majorNumber < MAJOR || (version.majorNumber === MAJOR && version.minorNumber < MINOR)
}
