import { attributeTypeAt } from './attribute-schema.ts'
import type { CompiledIdentity } from './compiled-identity.ts'
import type { Rule } from './rule.ts'

/**
 * Whether one caller could be granted both identities. False only if their rules require different
 * values of the same attribute; anything else counts as possible.
 */
export function mayOverlap(a: CompiledIdentity, b: CompiledIdentity): boolean {
  return a.parts.allow.some((one) => b.parts.allow.some((other) => !areExclusive(one, other)))
}

function areExclusive(one: Rule, other: Rule): boolean {
  const theirs = new Map(other.equalities().map(({ steps, values }) => [steps.join('.'), values]))
  return one.equalities().some(({ steps, values }) => {
    const wanted = theirs.get(steps.join('.'))
    return wanted !== undefined && isSingle(steps) && !values.some((value) => wanted.includes(value))
  })
}

/** False for a list, which may contain the values of both. */
function isSingle(steps: readonly string[]): boolean {
  const found = attributeTypeAt(steps)
  return 'type' in found && !found.type.startsWith('list')
}
