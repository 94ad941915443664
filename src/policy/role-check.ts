import { compileIdentityRule } from './identity-rule.ts'
import { isMapping, type PolicyProblem, type ProblemPath, Problems } from './problem.ts'
import { ROLE_KINDS, UNSUPPORTED_KINDS } from './role-kinds.ts'
import type { RoleSpec } from './role-spec.ts'

/** Lists every mistake in a role. */
export function checkRole(spec: RoleSpec): PolicyProblem[] {
  const problems = new Problems()
  const given: unknown = spec
  if (!isMapping(given)) {
    problems.add([], 'expected a mapping')
    return problems.list
  }
  problems.unknownKeys([], given, ['max_ttl', 'allow', 'deny'])
  const ttl = given['max_ttl']
  if (ttl !== undefined && !(typeof ttl === 'number' && Number.isFinite(ttl) && ttl > 0)) {
    problems.add(['max_ttl'], 'expected a duration above zero')
  }
  for (const list of ['allow', 'deny'] as const) {
    const rules: unknown = given[list] ?? []
    if (!Array.isArray(rules)) problems.add([list], 'expected a list of rules')
    else for (const [at, rule] of rules.entries()) checkRule(rule, [list, at], problems)
  }
  return problems.list
}

function checkRule(rule: unknown, path: ProblemPath, problems: Problems): void {
  if (!isMapping(rule)) {
    problems.add(path, 'expected a mapping with a kind')
    return
  }
  const unsupported = unsupportedPart(rule)
  if (unsupported !== undefined) {
    problems.add([...path, unsupported.key], `${unsupported.what} not supported by this version`)
    return
  }
  const kind = rule['kind']
  const extra = typeof kind === 'string' && Object.hasOwn(ROLE_KINDS, kind) ? ROLE_KINDS[kind] : undefined
  if (extra === undefined) {
    problems.add([...path, 'kind'], `unknown kind (known: ${Object.keys(ROLE_KINDS).join(', ')})`)
    return
  }
  problems.unknownKeys(path, rule, ['kind', 'name', 'labels', ...extra])
  const name = rule['name']
  if (name !== undefined && typeof name !== 'string') texts(name, [...path, 'name'], problems)
  for (const key of extra) if (rule[key] !== undefined) texts(rule[key], [...path, key], problems)
  compileIdentityRule(rule, path, problems)
}

/** The part of a rule that this version does not enforce; undefined if it enforces all of it. */
function unsupportedPart(
  rule: Readonly<Record<string, unknown>>,
): { readonly key: string; readonly what: string } | undefined {
  const { kind, verbs } = rule
  if (typeof kind === 'string' && UNSUPPORTED_KINDS.has(kind)) {
    return { key: 'kind', what: `rules for ${kind} are` }
  }
  return verbs === undefined ? undefined : { key: 'verbs', what: 'verbs are' }
}

/**
 * The rules that this version does not enforce, in a role that another version stored. They grant
 * and deny nothing.
 */
export function unsupportedRules(spec: RoleSpec): string[] {
  return (['allow', 'deny'] as const).flatMap((list) =>
    (spec[list] ?? []).flatMap((rule, at) => (unsupportedPart(rule) ? [`${list}.${at}`] : [])),
  )
}

function texts(value: unknown, path: ProblemPath, problems: Problems): value is readonly string[] {
  if (Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === 'string' && v !== '')) {
    return true
  }
  problems.add(path, 'expected a list of texts')
  return false
}
