import { CodedError } from '../foundation/errors.ts'
import { isTrustDomainName } from './trust-domain.ts'

/** The text is not a SPIFFE ID (SPIFFE-ID §2). */
class InvalidSpiffeIdError extends CodedError {
  override readonly name = 'InvalidSpiffeIdError'
  readonly code = 'ERR_SPIFFE_ID_INVALID'
  readonly kind = 'invalid_argument'

  constructor(detail: string) {
    super('not a SPIFFE ID', { detail })
  }
}

const SCHEME = 'spiffe://'
/** SPIFFE-ID §2.3, in bytes. Every allowed character is one byte long. */
export const MAX_ID_LENGTH = 2048
/** SPIFFE-ID §2.2. */
const SEGMENT = /^[A-Za-z0-9._-]+$/

/**
 * A SPIFFE ID, read exactly as written. No URL parser is used, because those normalise what must be
 * refused. Equal IDs have equal text.
 */
export class SpiffeId {
  readonly trustDomain: string
  /** With its leading slash; empty for the SPIFFE ID of a trust domain. */
  readonly path: string

  private constructor(trustDomain: string, path: string) {
    this.trustDomain = trustDomain
    this.path = path
  }

  /** @throws InvalidSpiffeIdError */
  static parse(text: string): SpiffeId {
    if (text.length > MAX_ID_LENGTH)
      throw new InvalidSpiffeIdError(`it is longer than ${MAX_ID_LENGTH} bytes`)
    if (!text.startsWith(SCHEME)) throw new InvalidSpiffeIdError(`it does not begin with ${SCHEME}`)
    const slash = text.indexOf('/', SCHEME.length)
    const end = slash < 0 ? text.length : slash
    return SpiffeId.of(text.slice(SCHEME.length, end), text.slice(end))
  }

  /**
   * Makes an ID of a trust domain's name and a path, which is empty or begins with a slash.
   * @throws InvalidSpiffeIdError
   */
  static of(trustDomain: string, path: string): SpiffeId {
    if (!isTrustDomainName(trustDomain))
      throw new InvalidSpiffeIdError('its trust domain is not a valid name')
    if (path !== '') checkPath(path)
    if (SCHEME.length + trustDomain.length + path.length > MAX_ID_LENGTH) {
      throw new InvalidSpiffeIdError(`it is longer than ${MAX_ID_LENGTH} bytes`)
    }
    return new SpiffeId(trustDomain, path)
  }

  toString(): string {
    return `${SCHEME}${this.trustDomain}${this.path}`
  }
}

/** Whether the text is a valid path segment (SPIFFE-ID §2.2). */
export function isPathSegment(text: string): boolean {
  return SEGMENT.test(text) && text !== '.' && text !== '..'
}

function checkPath(path: string): void {
  if (!path.startsWith('/')) throw new InvalidSpiffeIdError('its path does not begin with a slash')
  if (path.length > MAX_ID_LENGTH) throw new InvalidSpiffeIdError(`it is longer than ${MAX_ID_LENGTH} bytes`)
  if (path.endsWith('/')) throw new InvalidSpiffeIdError('it ends with a slash')
  for (const segment of path.slice(1).split('/')) {
    if (segment === '') throw new InvalidSpiffeIdError('a segment of its path is empty')
    if (!isPathSegment(segment)) {
      throw new InvalidSpiffeIdError(
        'a segment of its path is . or .., or has other characters than letters, digits, dot, dash and underscore',
      )
    }
  }
}
