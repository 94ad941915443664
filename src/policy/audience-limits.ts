/** Limits on the audiences of one token. Agent and authority apply the same ones. */
const AUDIENCE_LIMITS = {
  /** Some clients accept no more audiences in a token. */
  max: 32,
  maxBytes: 1_024,
  /** The total: the agent caches tokens by their audiences, and an audit row records all of them. */
  maxTotalBytes: 4_096,
} as const

type AudienceProblem = 'none' | 'empty' | 'too_many' | 'too_long' | 'too_long_together'

/** Checks the number and the lengths of these audiences, not their characters. */
export function audienceProblem(audiences: readonly string[]): AudienceProblem | undefined {
  if (audiences.length === 0) return 'none'
  if (audiences.length > AUDIENCE_LIMITS.max) return 'too_many'
  let total = 0
  for (const audience of audiences) {
    const bytes = Buffer.byteLength(audience)
    if (bytes === 0) return 'empty'
    if (bytes > AUDIENCE_LIMITS.maxBytes) return 'too_long'
    total += bytes
  }
  return total > AUDIENCE_LIMITS.maxTotalBytes ? 'too_long_together' : undefined
}

export function describeAudienceProblem(problem: AudienceProblem): string {
  switch (problem) {
    case 'none':
    case 'empty':
      return 'audience must be specified'
    case 'too_many':
      return `more than ${AUDIENCE_LIMITS.max} audiences`
    case 'too_long':
      return `an audience is longer than ${AUDIENCE_LIMITS.maxBytes} bytes`
    case 'too_long_together':
      return `more than ${AUDIENCE_LIMITS.maxTotalBytes} bytes of audiences`
  }
}
