/** Limits on the audiences of one token. The agent and the authority hold to the same ones. */
const AUDIENCE_LIMITS = {
  /** Some clients take no more audiences in a token. */
  max: 32,
  maxBytes: 1_024,
  /** Of all together: the agent keeps tokens by their audiences, and an audit row holds them all. */
  maxTotalBytes: 4_096,
} as const

export type AudienceProblem = 'none' | 'empty' | 'too_many' | 'too_long' | 'too_long_together'

/** What is wrong with the number and the lengths of these audiences. It looks at no characters. */
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
