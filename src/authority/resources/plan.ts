import { setImmediate } from 'node:timers/promises'
import type { ParsedResource } from '../../config/resources.ts'
import type { CompiledIdentity } from '../../policy/compile.ts'
import type { PolicyProblem } from '../../policy/problem.ts'
import type { NewResource, StoredResource } from '../datastore/resource-repository.ts'
import type { Catalogue } from './catalogue.ts'
import { checkFederations } from './check-federations.ts'
import { checkReferences } from './check-references.ts'
import { warnOfSharedHints } from './hint-warnings.ts'
import type { Compile } from './identity-entry.ts'
import { kindOf } from './kinds/kinds.ts'
import { type KeyLives, warnOfShortLives } from './life-warnings.ts'
import { warnOfUnboundedIds } from './role-warnings.ts'
import { sameResource, toNewResource } from './stored-form.ts'

export interface PlannedChange {
  readonly action: 'created' | 'updated' | 'unchanged'
  readonly before: StoredResource | undefined
  readonly next: NewResource
}

export interface Plan {
  readonly changes: readonly PlannedChange[]
  readonly problems: readonly string[]
  /** How many of the problems are revisions that have changed since. */
  readonly outdated: number
  readonly warnings: readonly string[]
}

/** Resources checked before other calls get a turn. */
const TURN = 50

/** Compares documents with what is stored, and reports all problems of all documents together. */
export async function planApply(
  resources: readonly ParsedResource[],
  deps: {
    readonly catalogue: Catalogue
    readonly compile: Compile
    readonly trustDomain: string
    readonly nowMs: number
    readonly keyLives: KeyLives
  },
): Promise<Plan> {
  const problems: string[] = []
  let outdated = 0
  const warnings: string[] = []
  const changes: PlannedChange[] = []
  const identities = new Map<string, CompiledIdentity>()
  for (const [index, resource] of resources.entries()) {
    if (index % TURN === TURN - 1) await setImmediate()
    const before = deps.catalogue.get(resource.kind, resource.name)
    const conflict = revisionConflict(resource, before)
    if (conflict) {
      problems.push(conflict)
      outdated += 1
    }
    warnings.push(...resource.warnings)
    const next = toNewResource(resource)
    const unchanged = before !== undefined && sameResource(before, next)
    changes.push({ before, next, action: unchanged ? 'unchanged' : before ? 'updated' : 'created' })
    const isChecked = !unchanged || kindOf(resource.kind).isAlwaysChecked
    const identity = isChecked ? checkSpec(resource, before, deps, problems, warnings) : undefined
    if (identity) identities.set(resource.name, identity)
  }
  for (const found of [
    checkReferences(resources, deps.catalogue),
    checkFederations(resources, deps.catalogue, deps.trustDomain),
  ]) {
    problems.push(...found.problems)
    warnings.push(...found.warnings)
  }
  if (problems.length === 0) {
    warnings.push(...warnOfUnboundedIds(resources, deps.catalogue))
    warnings.push(...warnOfShortLives(resources, deps.catalogue, deps.keyLives))
    warnings.push(...warnOfSharedHints(resources, identities, deps.catalogue))
  }
  return { changes, problems, outdated, warnings }
}

function revisionConflict(resource: ParsedResource, before: StoredResource | undefined): string | undefined {
  if (resource.revision === undefined || resource.revision === before?.revision) return undefined
  const now = before ? `it is ${before.revision} now: get it again` : 'there is no such resource now'
  return `${resource.at(['metadata', 'revision'])}: metadata.revision: ${resource.kind} ${resource.name} was read at revision ${resource.revision}, ${now}`
}

/** Checks one document. Returns the compiled identity, if it is a workload identity without mistakes. */
function checkSpec(
  resource: ParsedResource,
  before: StoredResource | undefined,
  { compile, nowMs }: { readonly compile: Compile; readonly nowMs: number },
  problems: string[],
  warnings: string[],
): CompiledIdentity | undefined {
  const located = ({ path, message }: PolicyProblem): string =>
    `${resource.at(['spec', ...path])}: ${['spec', ...path].join('.')}: ${message}`
  const { check, checkChange } = kindOf(resource.kind)
  const found = check?.(resource, compile)
  if (before)
    problems.push(...(checkChange?.(resource, before.spec as typeof resource.spec) ?? []).map(located))
  problems.push(...(found?.problems ?? []).map(located))
  warnings.push(...(found?.warnings ?? []).map(located))
  if (resource.expiresMs !== undefined && resource.expiresMs <= nowMs) {
    const where = resource.at(['metadata', 'expires'])
    warnings.push(
      `${where}: ${resource.kind} ${resource.name}: metadata.expires has passed already, so it has no effect`,
    )
  }
  return found?.identity
}
