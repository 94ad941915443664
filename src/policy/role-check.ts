import { compileIdentityRule } from './identity-rule.ts'
import { isMapping, type PolicyProblem, type ProblemPath, Problems } from './problem.ts'
import { ADMINISTERED_KINDS, ROLE_KINDS, VERBS } from './role-kinds.ts'
import type { RoleSpec } from './role-spec.ts'

/** Every mistake in a role; none means it is fine. */
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
  const kind = rule['kind']
  const extra = typeof kind === 'string' && Object.hasOwn(ROLE_KINDS, kind) ? ROLE_KINDS[kind] : undefined
  if (typeof kind !== 'string' || extra === undefined) {
    problems.add([...path, 'kind'], `unknown kind (known: ${Object.keys(ROLE_KINDS).join(', ')})`)
    return
  }
  problems.unknownKeys(path, rule, ['kind', 'name', 'labels', ...extra])
  const name = rule['name']
  if (name !== undefined && typeof name !== 'string') texts(name, [...path, 'name'], problems)
  for (const key of extra) if (rule[key] !== undefined) texts(rule[key], [...path, key], problems)
  const verbs = rule['verbs']
  if (Array.isArray(verbs)) {
    for (const [at, verb] of verbs.entries()) {
      if (VERBS.includes(verb)) continue
      problems.add([...path, 'verbs', at], `unknown verb (known: ${VERBS.join(', ')})`)
    }
  } else if (ADMINISTERED_KINDS.has(kind)) {
    problems.add([...path, 'verbs'], `a rule for ${kind} needs verbs (known: ${VERBS.join(', ')})`)
  }
  if (verbs !== undefined && (rule['spiffe_ids'] !== undefined || rule['dns_names'] !== undefined)) {
    problems.add([...path, 'verbs'], 'administering and using an identity are two rules')
  }
  compileIdentityRule(rule, path, problems)
}

function texts(value: unknown, path: ProblemPath, problems: Problems): value is readonly string[] {
  if (Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === 'string' && v !== '')) {
    return true
  }
  problems.add(path, 'expected a list of texts')
  return false
}
