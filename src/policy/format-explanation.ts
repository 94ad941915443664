import { printable } from '../foundation/printable.ts'
import type { Attributes, AttributeValue } from './attributes.ts'
import type { Explanation, IdentityExplanation } from './grant.ts'
import type { ExplainedLife } from './life.ts'

/**
 * Formats an explanation for an operator: what it leaves out, the caller's attributes, then each
 * identity with its verdict, granted ones first, in order.
 */
export function formatExplanation(explanation: Explanation): string {
  const lines = (explanation.notConsidered ?? []).map((sentence) => `not considered: ${sentence}`)
  lines.push('attributes:')
  const attributes = [...flatten(explanation.attributes, '')]
  lines.push(
    ...(attributes.length === 0 ? ['  (none)'] : attributes.map(([path, text]) => `  ${path} = ${text}`)),
  )
  lines.push('workload identities:')
  if (explanation.identities.length === 0) lines.push('  (none)')
  for (const { identity, revision, granted, reason, ...given } of explanation.identities) {
    const verdict = granted ? describeGrant(given) : `not granted: ${reason}`
    lines.push(`  ${identity} (revision ${revision}): ${verdict}`)
  }
  return `${lines.map(printable).join('\n')}\n`
}

/** Describes a grant: the SPIFFE ID, and whatever differs from the default. */
function describeGrant({
  onlyIf,
  spiffeId,
  rule,
  keyType = 'ec-p256',
  audiences,
  x509Life,
  jwtLife,
  note,
}: Partial<IdentityExplanation>): string {
  const verdict = onlyIf === undefined ? 'granted' : `granted only if ${onlyIf}:`
  const parts = [`${verdict} ${spiffeId} by ${rule}`]
  if (keyType !== 'ec-p256') parts.push(`keys ${keyType}`)
  if (audiences !== undefined) parts.push(`tokens for ${audiences}`)
  if (x509Life !== undefined) parts.push(`X.509-SVID for ${describeLife(x509Life)}`)
  if (jwtLife !== undefined) parts.push(`JWT-SVID for ${describeLife(jwtLife)}`)
  if (note !== undefined) parts.push(note)
  return parts.join(', ')
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const

/** Shows the two largest units: `29d 23h (the expiry of the signing key)`. */
function describeLife({ seconds, boundBy }: ExplainedLife): string {
  let left = seconds
  const parts: string[] = []
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size)
    left -= count * size
    if (count > 0 && parts.length < 2) parts.push(`${count}${unit}`)
  }
  return `${parts.length === 0 ? '0s' : parts.join(' ')} (${boundBy})`
}

function* flatten(value: AttributeValue, path: string): Generator<readonly [string, string]> {
  if (typeof value !== 'object' || Array.isArray(value)) {
    yield [path, JSON.stringify(value)]
    return
  }
  for (const [name, inner] of Object.entries(value as Attributes)) {
    yield* flatten(inner, path === '' ? name : `${path}.${name}`)
  }
}
