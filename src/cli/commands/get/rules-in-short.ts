/** Rules of a workload identity in few words, for a table. */

export interface RuleInRole {
  readonly match?: Readonly<Record<string, unknown>>
  readonly when?: string
}

const MAX_LENGTH = 60

/** `uid 1000, binary_path /opt/app or gid 7, not for uid 0`. */
export function allowInShort(allow: readonly RuleInRole[] = [], deny: readonly RuleInRole[] = []): string {
  const allowed = allow.map(ruleInShort).join(' or ') || 'nobody'
  return inShort(deny.length === 0 ? allowed : `${allowed}; not ${deny.map(ruleInShort).join(' or ')}`)
}

export function inShort(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1).toWellFormed()}…` : text
}

function ruleInShort({ match = {}, when }: RuleInRole): string {
  const conditions = Object.entries(match).map(([attribute, spec]) => {
    // Only attributes of the process lose their beginning: bot.name and join.token need it.
    return `${attribute.replace(/^workload\.\w+\./, '')} ${conditionInShort(spec)}`
  })
  return [...conditions, ...(when === undefined ? [] : [when])].join(', ')
}

function conditionInShort(spec: unknown): string {
  if (Array.isArray(spec)) return spec.map(String).join('|')
  if (typeof spec !== 'object' || spec === null) return String(spec)
  if ('not' in spec) return `not ${conditionInShort(spec.not)}`
  return 'glob' in spec ? conditionInShort(spec.glob) : 'any'
}
