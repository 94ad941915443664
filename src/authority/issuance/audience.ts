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
const SUSPICIOUS = /signet|xn--|[^\u0021-\u007e]|[%\\]/i
const MAX_DECODINGS = 3
const MAX_PARTS = 16
/** JSON writes one as six bytes, in the token and in each audit row. */
const CONTROL = /\p{Cc}/u

/**
 * Whether a lenient reader could take the audience, or a part of it, for one of our names. There is one rule:
 * decode what is encoded, fold what Unicode or IDNA treat as the same, and compare every part that can be a name
 * or the host of a URL. Parts are the whole text and what separators of lists, quotes and brackets leave. So an
 * audience may hold our names within a longer name or in a path, and nowhere else.
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
  return true // whoever encodes four times has something to hide
}

function holdsReserved(text: string, authority: string): boolean {
  const mayBe = (part: string): boolean => part.includes('signet') || part.includes(authority)
  const whole = text.replaceAll(UNSEEN, '')
  if (!mayBe(whole)) return false
  const parts = text.split(SEPARATORS).flatMap((part) => {
    const name = part.replaceAll(UNSEEN, '')
    return mayBe(name) ? [name] : []
  })
  if (parts.length > MAX_PARTS) return true // so does whoever has a long list of them
  // A backslash is a slash to browsers, and nothing special to others.
  const names = [whole, ...parts].flatMap((name) =>
    name.includes('\\') ? [name, name.replaceAll('\\', '/')] : [name],
  )
  return names.some(
    (name) => OURS.test(name) || hostsOf(name).some((host) => host === 'signet' || host === authority),
  )
}

/** `signet`, and whatever begins with it and goes on with a mark. */
const OURS = /^(?:urn:)?signet(?:[^a-z0-9_-].*)?$/s
const SEPARATORS = /[\p{Z}\p{Cc},;|"'`<>(){}[\]]+/u
const UNSEEN = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]+/gu

/**
 * In small letters without accents, whatever their width, style or case: `ı`, `İ` and `ſ` are letters like
 * others. All full stops are dots.
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
 * Where a URL has its host. URLs may stand in URLs, readers forgive slashes that are missing or too many, and
 * some look for the last `@` wherever it stands.
 */
const HOSTS = /(?:\/\/|@|\b(?:https?|wss?|ftp|file):)\/*([^/?#]*)/g

/** What readers of URLs take for a host, whether they know the scheme or not, or there is none. */
function hostsOf(name: string): string[] {
  const rest = name.replace(/^(?:[a-z][a-z0-9+.-]*:)?\/*/, '')
  const first = [name, rest].map((text) => text.split(/[/?#]/, 1)[0] ?? '')
  const inner = Array.from(name.matchAll(HOSTS), ([, authority = '']) => authority)
  const hosts = [...first, ...inner].map(
    (authority) => authority.slice(authority.lastIndexOf('@') + 1).split(':', 1)[0] ?? '',
  )
  for (const text of [name, `https://${rest}`]) if (URL.canParse(text)) hosts.push(new URL(text).hostname)
  return hosts.map(withoutFinalDots)
}

/** Not by a regular expression, which would begin anew at each dot. */
function withoutFinalDots(text: string): string {
  let end = text.length
  while (text[end - 1] === '.') end -= 1
  return text.slice(0, end)
}

/** Decoded once: octets as in URLs, characters as in JSON, and labels as in IDNA. */
function withoutEncoding(text: string): string {
  return text
    .replaceAll(/(?:%[0-9a-f]{2})+/gi, (octets) =>
      Buffer.from(octets.replaceAll('%', ''), 'hex').toString('utf8'),
    )
    .replaceAll(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll(/xn--[a-z0-9-]+/gi, fromPunycode)
}

/** Also of a label that holds nothing but letters which need no encoding, which older readers take. */
function fromPunycode(label: string): string {
  const decoded = domainToUnicode(label)
  if (decoded !== '' && decoded !== label.toLowerCase()) return decoded
  return label.endsWith('-') ? label.slice(4, -1) : label
}
