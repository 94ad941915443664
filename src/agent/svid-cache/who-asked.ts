import { type Attributes, lookUp } from '../../policy/attributes.ts'

/** The caller's uid and pid from `workload.*`, for the log. */
export function whoAsked(workload: Attributes): { readonly uid: unknown; readonly pid: unknown } {
  return { uid: lookUp(workload, 'unix.uid'), pid: lookUp(workload, 'unix.pid') }
}
