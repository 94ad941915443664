import type { Fact } from './attributes/fact.ts'
import { factAt } from './attributes/registry.ts'
import { oneOf } from './attributes/value-shapes.ts'
import { isMapping, type PolicyProblem, type ProblemPath } from './problem.ts'

/**
 * Conditions of `match` that can never hold, or with `not` always do: values that no process has.
 * Checked only where a person applies them, so that what is stored already keeps its meaning.
 */
export function impossibleMatches(
  rules: unknown,
  path: ProblemPath,
  joinMethods: readonly string[],
): PolicyProblem[] {
  return (Array.isArray(rules) ? rules : []).flatMap((rule, at) => {
    const match = isMapping(rule) ? rule['match'] : undefined
    if (!isMapping(match)) return []
    return Object.entries(match).flatMap(([attribute, spec]) =>
      problemsOf(attribute, spec, [...path, at, 'match', attribute], joinMethods),
    )
  })
}

function problemsOf(
  attribute: string,
  spec: unknown,
  path: ProblemPath,
  joinMethods: readonly string[],
): PolicyProblem[] {
  if (isUnproven(attribute)) {
    const message = `this version has no join method that proves ${attribute}: only join.method and join.token are there`
    return [{ path, message }]
  }
  const shape = attribute === 'join.method' ? oneOf(...joinMethods) : factAt(attribute)
  return shape === undefined ? [] : misfits(spec, shape, path)
}

function misfits(
  spec: unknown,
  shape: Pick<Fact, 'range' | 'valueProblem' | 'globProblem'>,
  path: ProblemPath,
): PolicyProblem[] {
  if (isMapping(spec)) {
    if ('not' in spec) return misfits(spec['not'], shape, [...path, 'not'])
    const globs = [spec['glob'] ?? []].flat().filter((glob) => typeof glob === 'string')
    return found(globs, [...path, 'glob'], (glob) => shape.globProblem?.(glob))
  }
  return found([spec].flat(), path, (value) => {
    if (typeof value !== 'number' || shape.range === undefined) return shape.valueProblem?.(String(value))
    const [least, most] = shape.range
    if (value >= least && value <= most) return undefined
    return `no process can have this value: expected ${least} to ${most}`
  })
}

function found<T>(
  values: readonly T[],
  path: ProblemPath,
  problemOf: (value: T) => string | undefined,
): PolicyProblem[] {
  return values.flatMap((value, at) => {
    const message = problemOf(value)
    return message === undefined ? [] : [{ path: values.length > 1 ? [...path, at] : path, message }]
  })
}

/** Those of the attributes that no join method of this version proves. */
export function unprovenAttributes(attributes: Iterable<string>): readonly string[] {
  return [...attributes].filter(isUnproven)
}

/** The only methods of this version prove nothing of their own. */
function isUnproven(attribute: string): boolean {
  return attribute.startsWith('join.') && !['join.method', 'join.token'].includes(attribute)
}
