import { type Attributes, lookUp } from '../../policy/attributes.ts'

/** For what no user of this host asks. */
export const NOBODY = -1

/** Whose share it is: the uid in `workload.*` of the process that something is asked for. */
export function askingUser(workload: Attributes): number {
  const uid = lookUp(workload, 'unix.uid')
  return typeof uid === 'number' ? uid : NOBODY
}
