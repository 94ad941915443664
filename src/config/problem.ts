import type { z } from 'zod'
import { suggestion } from '../foundation/nearest.ts'

export interface Problem {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** Describes an issue in our words, unless the schema has its own message. */
export function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `expected ${nameOf(issue.expected)}`
    case 'invalid_value':
      if (issue.input === undefined) return 'is required'
      return `expected ${listOf(issue.values)}${suggestion(String(issue.input), issue.values.map(String))}`
    case 'invalid_union':
      return Array.isArray(issue.options) ? `expected ${listOf(issue.options)}` : undefined
    case 'too_small':
      return `must be at least ${issue.minimum}${unitOf(issue.origin)}`
    case 'too_big':
      return `must be at most ${issue.maximum}${unitOf(issue.origin)}`
    case 'unrecognized_keys':
      return keysOf(issue.inst).join(KEY_SEPARATOR)
    default:
      return undefined // zod's message
  }
}

const KEY_SEPARATOR = ', '

/** The keys that a mapping may have. */
function keysOf(schema: unknown): readonly string[] {
  const { shape } = (schema as { readonly shape?: object } | undefined) ?? {}
  return Object.keys(shape ?? {})
}

function listOf(values: readonly unknown[]): string {
  return values
    .filter((value) => value !== undefined)
    .map((value) => JSON.stringify(value))
    .join(' or ')
}

/** Converts issues to problems. An unknown key is reported at its own line, not at that of its mapping. */
export function problemsOf(issues: readonly z.core.$ZodIssue[]): Problem[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          path: [...issue.path, key],
          message: `unknown key${suggestion(key, issue.message.split(KEY_SEPARATOR))}`,
        }))
      : issue.code === 'invalid_key'
        ? [{ path: issue.path, message: issue.issues[0]?.message ?? issue.message }]
        : [{ path: issue.path, message: issue.message }],
  )
}

/** Returns a copy without unknown keys; undefined when there are other issues. */
export function withoutUnknownKeys(value: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const copy = structuredClone(value)
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') return undefined
    let at = copy as Record<PropertyKey, unknown>
    for (const step of issue.path) at = at[step] as Record<PropertyKey, unknown>
    for (const key of issue.keys) delete at[key]
  }
  return copy
}

function nameOf(type: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'text (a number or a word like yes needs quotes)',
    object: 'a mapping',
    record: 'a mapping',
    array: 'a list',
    int: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
  }
  return names[type] ?? type
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters long'
  return origin === 'array' ? ' entries long' : ''
}
