import type { CompiledIdentity } from './compiled-identity.ts'
import type { PolicyProblem } from './problem.ts'

/** What the kernel keeps one user's processes from changing. */
const BOUNDARIES: ReadonlySet<string> = new Set([
  'workload.unix.uid',
  'workload.unix.gid',
  'workload.unix.groups',
  'workload.unix.user',
  'workload.unix.group',
  'workload.unix.cgroup',
])
const MISTAKE_GUARDS: ReadonlySet<string> = new Set([
  'workload.unix.binary_path',
  'workload.unix.binary_sha256',
])

/** Warnings for a person who applies it: nothing here is wrong, all of it is often not what was meant. */
export function lintWorkloadIdentity(compiled: CompiledIdentity): PolicyProblem[] {
  const warnings: PolicyProblem[] = []
  const { allow } = compiled.parts
  if (allow.length === 0)
    warnings.push({ path: ['allow'], message: 'no allow rule: nobody gets this identity' })
  for (const [at, rule] of allow.entries()) {
    const used = rule.usedAttributes()
    if (used.some((attribute) => BOUNDARIES.has(attribute))) continue
    const path = ['allow', at]
    if (used.some((attribute) => MISTAKE_GUARDS.has(attribute))) {
      warnings.push({
        path,
        message:
          'only the path or digest of the program says who gets this: a process of another user can imitate that; add workload.unix.uid or gid',
      })
    } else {
      warnings.push({
        path,
        message:
          'neither uid, gid nor another boundary between processes: every process on such a host gets this identity',
      })
    }
  }
  return warnings
}
