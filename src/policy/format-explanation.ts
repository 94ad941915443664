import { printable } from '../foundation/printable.ts'
import type { Attributes, AttributeValue } from './attributes.ts'
import type { Explanation, IdentityExplanation } from './grant.ts'

/** An explanation as a person reads it: what was found of the caller, then each identity with its verdict, first those that are granted, in order. */
export function formatExplanation(explanation: Explanation): string {
  const lines = ['attributes:']
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

/** What it says beside the SPIFFE ID only where that is not the usual. */
function describeGrant({
  spiffeId,
  rule,
  keyType = 'ec-p256',
  audiences,
  note,
}: Partial<IdentityExplanation>): string {
  const parts = [`granted ${spiffeId} by ${rule}`]
  if (keyType !== 'ec-p256') parts.push(`keys ${keyType}`)
  if (audiences !== undefined) parts.push(`tokens for ${audiences}`)
  if (note !== undefined) parts.push(note)
  return parts.join(', ')
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
