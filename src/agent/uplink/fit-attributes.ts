import type { Attributes } from '../../policy/attributes.ts'
import { MAX_WORKLOAD_BYTES } from '../../policy/parse-attributes.ts'

/**
 * Formats workload attributes as JSON within the authority's size limit; supplementary groups that
 * do not fit are omitted.
 */
export function fitAttributes(workload: Attributes): string {
  const json = JSON.stringify(workload)
  const excess = Buffer.byteLength(json) - MAX_WORKLOAD_BYTES
  if (excess <= 0) return json
  const { unix } = workload as { readonly unix?: Attributes }
  const groups = unix?.['groups']
  if (!Array.isArray(groups)) return json
  const kept = [...groups]
  for (let freed = 0; freed < excess && kept.length > 0; ) freed += JSON.stringify(kept.pop()).length + 1
  return JSON.stringify({ ...workload, unix: { ...unix, groups: kept } })
}
