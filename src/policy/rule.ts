import { attributeTypeOf } from './attribute-schema.ts'
import { factAt, isOfEveryProcess } from './attributes/registry.ts'
import {
  type Attributes,
  type AttributeValue,
  isWithin,
  lookUpSteps,
  touches,
  withValue,
} from './attributes.ts'
import { Expression, Facts } from './expression.ts'
import type { Equality } from './expression-walk.ts'
import { compileMatch, describe, type Match, type MatchScalar } from './match.ts'
import { isMapping, type ProblemPath, type Problems } from './problem.ts'

const MAX_CONDITIONS = 64

/**
 * Why a rule does not match. `error` is set if that is uncertain: the rule could not be evaluated,
 * or it depends on an attribute that every process has and that could not be read. A deny must then
 * refuse.
 */
export interface Miss {
  readonly reason: () => string
  readonly error?: string
}

interface AttributeCondition {
  readonly path: string
  readonly steps: readonly string[]
  readonly match: Match
}

/** A compiled entry of `allow` or `deny`; all of its conditions must hold. */
export class Rule {
  /** Its position, for operators: `allow[0]`. */
  readonly label: string
  readonly #conditions: readonly AttributeCondition[]
  readonly #when: Expression | undefined

  private constructor(
    label: string,
    conditions: readonly AttributeCondition[],
    when: Expression | undefined,
  ) {
    this.label = label
    this.#conditions = conditions
    this.#when = when
  }

  static compile(spec: unknown, path: ProblemPath, problems: Problems): Rule | undefined {
    const before = problems.list.length
    if (!isMapping(spec)) {
      problems.add(path, 'expected a rule with match, when or both')
      return undefined
    }
    problems.unknownKeys(path, spec, ['match', 'when'])
    const conditions = compileConditions(spec['match'], [...path, 'match'], problems)
    const when = compileWhen(spec['when'], [...path, 'when'], problems)
    if (conditions.length === 0 && when === undefined && problems.list.length === before) {
      problems.add(path, 'an empty rule would hold for everybody: write a condition')
    }
    if (problems.list.length > before) return undefined
    return new Rule(`${path[0]}[${path[1]}]`, conditions, when)
  }

  /** The attributes that this rule reads. */
  usedAttributes(): string[] {
    return [...this.#conditions.map((c) => c.path), ...(this.#when?.usedAttributes ?? [])]
  }

  /** The necessary conditions of this rule that an index can use. */
  equalities(): Equality[] {
    const matched = this.#conditions.flatMap(({ steps, match }) =>
      match.equals ? [{ steps, values: match.equals }] : [],
    )
    return [...matched, ...(this.#when?.equalities ?? [])]
  }

  /**
   * Whether the unknown value at `path` decides if this rule matches, because all the rest of it
   * does.
   */
  dependsOn(path: string, facts: Facts): boolean {
    let readsPath = false
    for (const condition of this.#conditions) {
      if (isWithin(condition.path, path)) {
        readsPath = true
        continue
      }
      const found = lookUpSteps(facts.attributes, condition.steps)
      const isUnknown = found === undefined && isOfEveryProcess(condition.path)
      if (!isUnknown && (found === undefined || !condition.match.test(found))) return false
    }
    const when = this.#when
    if (when === undefined) return readsPath
    const outcome = when.evaluate(facts)
    if (!touches(when.usedAttributes, path))
      return readsPath && !('value' in outcome && outcome.value === false)
    const asked = [...when.usedAttributes].filter((used) => isWithin(used, path))
    if (!('value' in outcome) || asked.length === 0) return true
    // An expression may test only for the attribute's presence, not for its value.
    const other = when.evaluate(new Facts(asked.reduce(withSample, facts.attributes)))
    if (!('value' in other) || other.value !== outcome.value) return true
    return readsPath && outcome.value === true
  }

  /** Returns undefined if the rule matches, else the first reason why it does not. */
  miss(facts: Facts): Miss | undefined {
    let unknown: Miss | undefined
    for (const { path, steps, match } of this.#conditions) {
      const found = lookUpSteps(facts.attributes, steps)
      if (found !== undefined && match.test(found)) continue
      if (found === undefined && isOfEveryProcess(path) && !match.asksPresence) {
        unknown ??= unreadable(path)
        continue // another condition may still fail for certain
      }
      return {
        reason: () =>
          found === undefined
            ? `${path} is absent (wanted ${match.wanted})`
            : `${path} is ${show(found)} (wanted ${match.wanted})`,
      }
    }
    const when = this.#when
    if (when === undefined) return unknown
    const outcome = when.evaluate(facts)
    if ('value' in outcome) {
      if (outcome.value === true) return unknown
      if (outcome.value === false) return { reason: () => `when is false: ${when.text}` }
      return failed(when, 'the result is neither true nor false')
    }
    if ('error' in outcome) return failed(when, outcome.error)
    const hidden = when.hiddenError(facts)
    if (hidden !== undefined) return failed(when, hidden)
    if (isOfEveryProcess(outcome.absent)) return unreadable(outcome.absent)
    return { reason: () => `${outcome.absent} is absent, and when depends on it: ${when.text}` }
  }
}

const SAMPLES = { int: 0, string: '', bool: false, 'list<int>': [] } as const

function withSample(attributes: Attributes, path: string): Attributes {
  return withValue(
    attributes,
    path.split('.') as [string, ...string[]],
    SAMPLES[factAt(path)?.type ?? 'string'],
  )
}

function unreadable(path: string): Miss {
  return { error: `${path} is absent`, reason: () => `${path} is absent, although every process has one` }
}

function failed(when: Expression, error: string): Miss {
  return { error, reason: () => `when cannot be evaluated (${error}): ${when.text}` }
}

function compileConditions(match: unknown, path: ProblemPath, problems: Problems): AttributeCondition[] {
  if (match === undefined) return []
  if (!isMapping(match)) {
    problems.add(path, 'expected a mapping from attribute paths to conditions')
    return []
  }
  const entries = Object.entries(match)
  if (entries.length > MAX_CONDITIONS) problems.add(path, `expected ${MAX_CONDITIONS} conditions at most`)
  return entries.slice(0, MAX_CONDITIONS).flatMap(([attribute, spec]) => {
    const found = attributeTypeOf(attribute)
    if ('problem' in found) {
      problems.add([...path, attribute], found.problem)
      return []
    }
    const compiled = compileMatch(spec, found.type, [...path, attribute], problems)
    return compiled ? [{ path: attribute, steps: attribute.split('.'), match: compiled }] : []
  })
}

function compileWhen(when: unknown, path: ProblemPath, problems: Problems): Expression | undefined {
  if (when === undefined) return undefined
  if (typeof when !== 'string') {
    problems.add(path, 'expected a CEL expression')
    return undefined
  }
  const expression = problems.attempt(path, () => Expression.compile(when))
  if (expression && expression.type !== 'bool' && !expression.type.startsWith('dyn')) {
    problems.add(path, `expected true or false, but the expression gives ${expression.type}`)
  }
  return expression
}

const MAX_SHOWN_LENGTH = 200

function show(found: AttributeValue): string {
  const text = Array.isArray(found)
    ? `[${describe(found as readonly MatchScalar[], ', ')}]`
    : JSON.stringify(found)
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text
}
