import type { Fact } from './attributes/fact.ts'
import { factAt } from './attributes/registry.ts'
import type { CompiledIdentity } from './compiled-identity.ts'
import type { PolicyProblem } from './problem.ts'

const protects = (attribute: string): Fact['protects'] => factAt(attribute)?.protects

/** Warnings for the person who applies a workload identity: valid, but often not what was meant. */
export function lintWorkloadIdentity(compiled: CompiledIdentity): PolicyProblem[] {
  const warnings: PolicyProblem[] = []
  const { allow } = compiled.parts
  if (allow.length === 0)
    warnings.push({ path: ['allow'], message: 'no allow rule: nobody gets this identity' })
  for (const [at, rule] of allow.entries()) {
    const used = rule.usedAttributes()
    if (used.some((attribute) => protects(attribute) === 'boundary')) continue
    const path = ['allow', at]
    if (used.some((attribute) => protects(attribute) === 'guard')) {
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
