import { DnsPattern, dnsPatternProblem } from './dns-pattern.ts'
import { Glob } from './glob.ts'
import { compileMatch, type Match } from './match.ts'
import { isMapping, type ProblemPath, type Problems } from './problem.ts'

/** A compiled role rule for workload identities, cheap to evaluate. */
export interface IdentityRule {
  readonly names: readonly Glob[] | undefined
  readonly exactNames: ReadonlySet<string>
  readonly labels: readonly { readonly name: string; readonly match: Match }[]
  readonly spiffeIds: readonly Glob[] | undefined
  readonly dnsNames: readonly DnsPattern[] | undefined
}

/**
 * Compiles the parts of a rule that select and bound workload identities. Adds problems instead of
 * throwing.
 */
export function compileIdentityRule(
  rule: Readonly<Record<string, unknown>>,
  path: ProblemPath,
  problems: Problems,
): IdentityRule {
  const name = rule['name']
  const names = (typeof name === 'string' ? [name] : Array.isArray(name) ? name : undefined)?.filter(
    (text) => typeof text === 'string',
  )
  const patterns = <P>(
    list: unknown,
    key: string,
    compile: (text: string) => P,
    problemOf: (text: string) => string | undefined = () => undefined,
  ): P[] => {
    if (!Array.isArray(list)) {
      problems.add([...path, key], 'expected a list')
      return []
    }
    return list.flatMap((text, at) => {
      if (typeof text !== 'string') return []
      const complaint = problemOf(text)
      if (complaint !== undefined) {
        problems.add([...path, key, at], complaint)
        return []
      }
      return problems.attempt([...path, key, at], () => compile(text)) ?? []
    })
  }
  const glob = (text: string): Glob => Glob.compile(text)
  const { spiffe_ids, dns_names } = rule
  return {
    names:
      names &&
      patterns(
        names.filter((text) => text.includes('*')),
        'name',
        glob,
      ),
    exactNames: new Set(names?.filter((text) => !text.includes('*'))),
    labels: labelMatches(rule['labels'], [...path, 'labels'], problems),
    spiffeIds:
      spiffe_ids === undefined ? undefined : patterns(spiffe_ids, 'spiffe_ids', glob, spiffePatternProblem),
    dnsNames:
      dns_names === undefined
        ? undefined
        : patterns(dns_names, 'dns_names', (text) => DnsPattern.compile(text), dnsPatternProblem),
  }
}

function labelMatches(labels: unknown, path: ProblemPath, problems: Problems): IdentityRule['labels'] {
  if (labels === undefined) return []
  if (!isMapping(labels)) {
    problems.add(path, 'expected a mapping of labels')
    return []
  }
  return Object.entries(labels).flatMap(([name, spec]) => {
    const match = compileMatch(spec, 'string', [...path, name], problems)
    return match === undefined ? [] : [{ name, match }]
  })
}

const SPIFFE_PATTERN = /^(\/[A-Za-z0-9._*-]+)+$/
function spiffePatternProblem(text: string): string | undefined {
  return SPIFFE_PATTERN.test(text)
    ? undefined
    : 'expected a path such as /svc/** (without spiffe:// and host)'
}

/** Whether the rule applies to this identity, whatever SPIFFE ID or DNS names it renders. */
export function selects(
  rule: IdentityRule,
  identity: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
): boolean {
  const { names, exactNames, labels } = rule
  if (names && !exactNames.has(identity.name) && !names.some((glob) => glob.matches(identity.name)))
    return false
  for (const { name, match } of labels) {
    if (!Object.hasOwn(identity.labels, name) || !match.test(identity.labels[name] as string)) return false
  }
  return true
}
