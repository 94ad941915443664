import { type Attributes, lookUp } from '../../policy/attributes.ts'

/** For the log: whose call it was, by `workload.*`. */
export function whoAsked(workload: Attributes): { readonly uid: unknown; readonly pid: unknown } {
  return { uid: lookUp(workload, 'unix.uid'), pid: lookUp(workload, 'unix.pid') }
}
