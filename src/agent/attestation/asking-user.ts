import { type Attributes, lookUp } from '../../policy/attributes.ts'

/** Stands for requests that no user of this host has made. */
export const NOBODY = -1

/**
 * The uid in `workload.*` of the process for which something is requested; the request counts to
 * its share.
 */
export function askingUser(workload: Attributes): number {
  const uid = lookUp(workload, 'unix.uid')
  return typeof uid === 'number' ? uid : NOBODY
}
