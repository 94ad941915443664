import { factAt } from './attributes/registry.ts'
import type { CompiledIdentity } from './compiled-identity.ts'
import type { Equality } from './expression-walk.ts'
import type { MatchScalar } from './match.ts'
import type { Rule } from './rule.ts'

/** A rule with more alternatives than this is not indexed by them: it would fill the index. */
const MAX_VALUES = 256

export interface IndexKey {
  readonly text: string
  readonly path: string
  readonly steps: readonly string[]
}

/** The index key of a value. Types are distinguished, as in `match`. */
export function keyOf(path: string, value: MatchScalar): string {
  return `${path}\0${typeof value}\0${value}`
}

/**
 * Values of which a caller must have at least one for any rule to match. Undefined if some rule
 * requires no plain value; the identity is then tried for every caller.
 */
export function indexKeys(compiled: CompiledIdentity): IndexKey[] | undefined {
  const keys = new Map<string, IndexKey>()
  for (const rule of compiled.parts.allow) {
    const best = mostSelective(rule)
    if (best === undefined) return undefined
    const path = best.steps.join('\0')
    for (const value of best.values) {
      const text = keyOf(path, value)
      keys.set(text, { text, path, steps: best.steps })
    }
  }
  return [...keys.values()]
}

function mostSelective(rule: Rule): Equality | undefined {
  let best: Equality | undefined
  for (const equality of rule.equalities()) {
    if (equality.values.length > MAX_VALUES) continue
    if (best === undefined || rank(equality) < rank(best)) best = equality
  }
  return best
}

function rank(equality: Equality): number {
  return factAt(equality.steps.join('.'))?.indexRank ?? Number.POSITIVE_INFINITY
}
