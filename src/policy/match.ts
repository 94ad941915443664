import type { AttributeType } from './attribute-schema.ts'
import type { AttributeValue } from './attributes.ts'
import { Glob } from './glob.ts'
import { isMapping, type ProblemPath, type Problems } from './problem.ts'

export type MatchScalar = string | number | boolean
/**
 * A scalar means equality, a list any-of, and a mapping is one of the operators. Attributes, labels
 * and claims use the same grammar.
 */
export type MatchSpec =
  | MatchScalar
  | readonly MatchScalar[]
  | { readonly not: MatchSpec }
  | { readonly glob: string | readonly string[] }
  | { readonly exists: true }

const OPERATORS = ['not', 'glob', 'exists']
const MAX_ALTERNATIVES = 10_000

/**
 * A compiled condition. Do not test an absent value: absence makes any condition false, `not`
 * included.
 */
export interface Match {
  /** What the condition wants, for operators. */
  readonly wanted: string
  /** The values for an index, if the condition only tests equality. */
  readonly equals?: readonly MatchScalar[]
  /** Set if the condition only tests for presence. */
  readonly asksPresence?: true
  test(value: AttributeValue): boolean
}

interface MatchOptions {
  /** Characters that `*` in a glob does not match, besides the slash. */
  readonly globStops?: string
}

/**
 * Compiles a condition. Adds a problem and returns undefined if it breaks the grammar or can never
 * hold for this type.
 */
export function compileMatch(
  spec: unknown,
  type: AttributeType,
  path: ProblemPath,
  problems: Problems,
  options: MatchOptions = {},
): Match | undefined {
  if (Array.isArray(spec)) return anyOf(spec, type, path, problems)
  if (!isMapping(spec)) return anyOf([spec], type, path, problems)
  const operators = Object.keys(spec)
  for (const operator of operators) {
    if (!OPERATORS.includes(operator)) {
      problems.add([...path, operator], `unknown operator (known: ${OPERATORS.join(', ')})`)
    }
  }
  const operator = operators[0]
  if (operators.length !== 1 || operator === undefined) {
    problems.add(path, `expected one operator (${OPERATORS.join(', ')})`)
    return undefined
  }
  const inner = [...path, operator]
  switch (operator) {
    case 'not': {
      // A negated glob ignores the stops: they would narrow the glob and so widen what `not`
      // allows.
      const match = compileMatch(spec['not'], type, inner, problems)
      if (match === undefined) return undefined
      return { wanted: `not ${match.wanted}`, test: (value) => !match.test(value) }
    }
    case 'glob':
      return globs(spec['glob'], type, inner, problems, options)
    case 'exists':
      if (spec['exists'] === true) return { wanted: 'anything', asksPresence: true, test: () => true }
      problems.add(inner, 'expected true')
      return undefined
    default:
      return undefined
  }
}

function anyOf(
  values: readonly unknown[],
  type: AttributeType,
  path: ProblemPath,
  problems: Problems,
): Match | undefined {
  if (values.length === 0 || values.length > MAX_ALTERNATIVES) {
    problems.add(path, `expected 1 to ${MAX_ALTERNATIVES} values`)
    return undefined
  }
  const scalars: MatchScalar[] = []
  for (const [at, value] of values.entries()) {
    const complaint = scalarProblem(value, type)
    if (complaint === undefined) scalars.push(value as MatchScalar)
    else problems.add(values.length > 1 ? [...path, at] : path, complaint)
  }
  if (scalars.length !== values.length) return undefined
  const set = new Set<unknown>(scalars)
  const contains = (value: unknown): boolean => set.has(value)
  return {
    get wanted() {
      return describe(scalars)
    },
    equals: scalars,
    test: (value) => (Array.isArray(value) ? value.some(contains) : set.has(value)),
  }
}

const WANTED: Readonly<Record<AttributeType, string>> = {
  int: 'a whole number',
  'list<int>': 'a whole number',
  string: 'text',
  bool: 'true or false',
  dynamic: 'text, a whole number, true or false',
}

function scalarProblem(value: unknown, type: AttributeType): string | undefined {
  if (type === 'bool' && typeof value !== 'boolean') return `expected ${WANTED.bool}`
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) return 'expected a whole number'
    return type === 'string' ? `expected text: write "${value}" in quotes` : undefined
  }
  if (typeof value === 'string') {
    return type === 'int' || type === 'list<int>' ? 'expected a whole number, without quotes' : undefined
  }
  if (typeof value === 'boolean' && (type === 'dynamic' || type === 'bool')) return undefined
  return `expected ${WANTED[type]}`
}

function globs(
  spec: unknown,
  type: AttributeType,
  path: ProblemPath,
  problems: Problems,
  { globStops = '' }: MatchOptions,
): Match | undefined {
  const texts: readonly unknown[] = Array.isArray(spec) ? spec : [spec]
  if (type !== 'string' && type !== 'dynamic') {
    problems.add(path, `a glob can only match text, and this attribute is ${WANTED[type]}`)
    return undefined
  }
  if (texts.length === 0 || !texts.every((text) => typeof text === 'string')) {
    problems.add(path, 'expected a glob, such as /opt/app/**')
    return undefined
  }
  const compiled = texts.map((text) =>
    problems.attempt(path, () => Glob.compile(text as string, { stops: globStops })),
  )
  if (!compiled.every((glob) => glob !== undefined)) return undefined
  const one = (value: unknown): boolean =>
    typeof value === 'string' && compiled.some((glob) => glob.matches(value))
  return {
    wanted: `glob ${describe(texts as string[])}`,
    test: (value) => (Array.isArray(value) ? value.some(one) : one(value)),
  }
}

const MAX_SHOWN = 5

/** Formats the first few values, enough to recognise the rule. */
export function describe(values: readonly MatchScalar[], between = ' or '): string {
  const shown = values.slice(0, MAX_SHOWN).map((value) => JSON.stringify(value))
  const rest = values.length - shown.length
  return rest > 0 ? `${shown.join(', ')} or ${rest} more` : shown.join(between)
}
