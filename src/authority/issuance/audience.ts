import { domainToUnicode } from 'node:url'
import { CodedError } from '../../foundation/errors.ts'
import { audienceProblem, describeAudienceProblem } from '../../policy/audience-limits.ts'
import { authorityName } from '../../spiffe/authority-name.ts'

/** The audiences need different algorithms, so no token can be for all of them. */
export class MixedAudienceError extends CodedError {
  override readonly name = 'MixedAudienceError'
  readonly code = 'ERR_ISSUANCE_AUDIENCES_MIXED'
  readonly kind = 'invalid_argument'

  constructor() {
    super('tokens for these audiences are signed with different algorithms: ask for one at a time')
  }
}

/**
 * Why a token for these audiences is refused; undefined when it is not. The token carries exactly the
 * requested audiences, in that order. The names of Signet's own services are refused (decision 0016),
 * because a service would accept a workload's token for it.
 */
export function refuseAudience(audience: readonly string[], trustDomain: string): string | undefined {
  // Checks lengths first, because the checks below take time for each character.
  const problem = audienceProblem(audience)
  if (problem !== undefined) return describeAudienceProblem(problem)
  for (const one of audience) {
    if (CONTROL.test(one)) return 'an audience with a control character'
    if (isReserved(one, trustDomain)) return `the audience ${JSON.stringify(one)} is reserved`
  }
  return undefined
}

/** Every reserved name, in any of the forms below, matches this or contains the authority's name. */
const SUSPICIOUS = /signet|xn--|[^\u0021-\u007e]|[%\\]/i
const MAX_DECODINGS = 3
const MAX_PARTS = 16
/** JSON writes a control character as six bytes, in the token and in each audit row. */
const CONTROL = /\p{Cc}/u

/**
 * Whether a lenient reader could take the audience, or a part of it, for one of Signet's names. It
 * decodes what is encoded, folds what Unicode or IDNA treat as equal, and compares every part that
 * can be a name or the host of a URL. Parts are the whole text and the pieces between list
 * separators, quotes and brackets. So an audience may contain a reserved name only within a longer
 * name or in a path.
 */
function isReserved(audience: string, trustDomain: string): boolean {
  const authority = authorityName(trustDomain)
  if (!SUSPICIOUS.test(audience) && !audience.toLowerCase().includes(authority)) return false
  let form = audience
  for (let decoded = 0; decoded <= MAX_DECODINGS; decoded += 1) {
    if (holdsReserved(folded(form), authority)) return true
    const next = withoutEncoding(form)
    if (next === form) return false
    form = next
  }
  return true // nobody encodes a name four times in good faith
}

function holdsReserved(text: string, authority: string): boolean {
  const mayBe = (part: string): boolean => part.includes('signet') || part.includes(authority)
  const whole = text.replaceAll(UNSEEN, '')
  if (!mayBe(whole)) return false
  const parts = text.split(SEPARATORS).flatMap((part) => {
    const name = part.replaceAll(UNSEEN, '')
    return mayBe(name) ? [name] : []
  })
  if (parts.length > MAX_PARTS) return true // nor lists so many of them
  // Browsers read a backslash as a slash; other readers do not.
  const names = [whole, ...parts].flatMap((name) =>
    name.includes('\\') ? [name, name.replaceAll('\\', '/')] : [name],
  )
  return names.some(
    (name) => OURS.test(name) || hostsOf(name).some((host) => host === 'signet' || host === authority),
  )
}

/** `signet` alone, or followed by a character that cannot continue a name. */
const OURS = /^(?:urn:)?signet(?:[^a-z0-9_-].*)?$/s
const SEPARATORS = /[\p{Z}\p{Cc},;|"'`<>(){}[\]]+/u
const UNSEEN = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]+/gu

/**
 * Removes accents, width, style and case. `ı`, `İ` and `ſ` become plain letters, and every kind of
 * full stop becomes a dot.
 */
function folded(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toUpperCase()
    .toLowerCase()
    .replaceAll(/[\u3002\uff0e\uff61]/g, '.')
}

/**
 * Finds every place in a text where a URL may have its host. URLs may contain URLs. Some readers
 * tolerate missing or extra slashes, and some use the last `@` wherever it is.
 */
const HOSTS = /(?:\/\/|@|\b(?:https?|wss?|ftp|file):)\/*([^/?#]*)/g

/** The hosts that URL readers could find in a name, whether they know the scheme or there is none. */
function hostsOf(name: string): string[] {
  const rest = name.replace(/^(?:[a-z][a-z0-9+.-]*:)?\/*/, '')
  const first = [name, rest].map((text) => text.replace(/[/?#].*/s, ''))
  const inner = Array.from(name.matchAll(HOSTS), ([, authority = '']) => authority)
  const hosts = [...first, ...inner].map((authority) =>
    authority.slice(authority.lastIndexOf('@') + 1).replace(/:.*/s, ''),
  )
  for (const text of [name, `https://${rest}`]) if (URL.canParse(text)) hosts.push(new URL(text).hostname)
  return hosts.map(withoutFinalDots)
}

/** A loop, because a regular expression would start again at each dot and take quadratic time. */
function withoutFinalDots(text: string): string {
  let end = text.length
  while (text[end - 1] === '.') end -= 1
  return text.slice(0, end)
}

/** Decodes once: percent-encoding as in URLs, `\u` escapes as in JSON, and Punycode as in IDNA. */
function withoutEncoding(text: string): string {
  return text
    .replaceAll(/(?:%[0-9a-f]{2})+/gi, (octets) =>
      Buffer.from(octets.replaceAll('%', ''), 'hex').toString('utf8'),
    )
    .replaceAll(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll(/xn--[a-z0-9-]+/gi, fromPunycode)
}

/** Also decodes a label of plain ASCII letters (`xn--signet-`), which older readers accept. */
function fromPunycode(label: string): string {
  const decoded = domainToUnicode(label)
  if (decoded !== '' && decoded !== label.toLowerCase()) return decoded
  return label.endsWith('-') ? label.slice(4, -1) : label
}
