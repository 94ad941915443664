import { CodedError } from '../../foundation/errors.ts'
import { audienceProblem, describeAudienceProblem } from '../../policy/audience-limits.ts'
import { authorityName } from '../../spiffe/authority-name.ts'

/** Audiences for which the configuration names different algorithms: no token can be for all of them. */
export class MixedAudienceError extends CodedError {
  override readonly name = 'MixedAudienceError'
  readonly code = 'ERR_ISSUANCE_AUDIENCES_MIXED'
  readonly kind = 'invalid_argument'

  constructor() {
    super('tokens for these audiences are signed with different algorithms: ask for one at a time')
  }
}

/**
 * Why these audiences cannot be had, or undefined: they can. The token carries exactly what was asked for, in that order. Names that
 * Signet's own services go by are not for workloads (decision 0016): a token made for one would be taken by the other.
 */
export function refuseAudience(audience: readonly string[], trustDomain: string): string | undefined {
  // Lengths first: what follows takes time with each character.
  const problem = audienceProblem(audience)
  if (problem !== undefined) return describeAudienceProblem(problem)
  for (const one of audience) {
    if (CONTROL.test(one)) return 'an audience with a control character'
    if (isReserved(one, trustDomain)) return `the audience ${JSON.stringify(one)} is reserved`
  }
  return undefined
}

/** What no reserved name can be without, in the forms below. */
const SUSPICIOUS = /signet|[^\u0021-\u007e]|%/i
const MAX_DECODINGS = 3
/** JSON writes one as six bytes, in the token and in each audit row. */
const CONTROL = /\p{Cc}/u

/**
 * Whether somebody who is careless about how names are written could take the audience for one of ours: with space around it or control
 * characters in it, in capitals or in wide letters, with a final dot, percent-encoded, or as a URL of any scheme with a user, a port or a path.
 */
function isReserved(audience: string, trustDomain: string): boolean {
  const authority = authorityName(trustDomain)
  if (!SUSPICIOUS.test(audience) && !audience.toLowerCase().includes(authority)) return false
  let form = audience
  for (let decoded = 0; decoded <= MAX_DECODINGS; decoded += 1) {
    const name = plainName(form)
    if (OURS.test(name) || hostsOf(name).some((host) => host === 'signet' || host === authority)) return true
    const next = percentDecoded(form)
    if (next === form) return false
    form = next
  }
  return true // whoever encodes four times has something to hide
}

/** `signet`, and whatever begins with it and goes on with a mark. */
const OURS = /^(?:urn:)?signet(?:[^a-z0-9_-].*)?$/s

/** In small letters of one width, without what is not seen, backslashes as slashes. */
function plainName(text: string): string {
  const name = text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]+/gu, '')
    .replaceAll('\\', '/')
    .replaceAll(/[\u3002\uff0e\uff61]/g, '.')
  return withoutFinalDots(name)
}

/** Not by a regular expression, which would begin anew at each dot. */
function withoutFinalDots(text: string): string {
  let end = text.length
  while (text[end - 1] === '.') end -= 1
  return text.slice(0, end)
}

/** What readers of URLs take for the host, whether they know the scheme or not, or there is none. */
function hostsOf(name: string): string[] {
  const rest = name.replace(/^(?:[a-z][a-z0-9+.-]*:)?\/*/, '')
  const hosts = [name, rest].map((text) => {
    const authority = text.split(/[/?#]/, 1)[0] ?? ''
    return authority.slice(authority.lastIndexOf('@') + 1).split(':', 1)[0] ?? ''
  })
  for (const text of [name, `https://${rest}`]) if (URL.canParse(text)) hosts.push(new URL(text).hostname)
  return hosts.map(withoutFinalDots)
}

function percentDecoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (octets) =>
    Buffer.from(octets.replaceAll('%', ''), 'hex').toString('utf8'),
  )
}
