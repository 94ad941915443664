import { CodedError } from '../foundation/errors.ts'

/** The text is no name of a trust domain (SPIFFE-ID §2.1). */
class InvalidTrustDomainError extends CodedError {
  override readonly name = 'InvalidTrustDomainError'
  readonly code = 'ERR_SPIFFE_TRUST_DOMAIN_INVALID'
  readonly kind = 'invalid_argument'
}

const SCHEME = 'spiffe://'
/** SPIFFE-ID §2.1 and §2.3. Nothing is lowered, decoded or otherwise mended, and DNS has no say in it. */
const NAME = /^[a-z0-9._-]{1,255}$/

/** True for what may stand as the trust domain in a SPIFFE ID. */
export function isTrustDomainName(text: string): boolean {
  return NAME.test(text)
}

const MAX_HOST_LENGTH = 253
const MAX_LABEL_LENGTH = 63

/**
 * Why some clients could not read SVIDs of a trust domain with this name, though SPIFFE allows it: Go and Java take what stands in a URI for
 * the name of a host, without empty labels, and some releases of Go without long ones. Undefined when all of them can.
 */
export function trustDomainReadingProblem(name: string): string | undefined {
  const labels = name.split('.')
  if (labels.includes('')) return 'no dot may stand at its beginning, at its end or beside another'
  if (name.length > MAX_HOST_LENGTH || labels.some((label) => label.length > MAX_LABEL_LENGTH))
    return `it may have ${MAX_HOST_LENGTH} characters, and ${MAX_LABEL_LENGTH} between two dots`
  return undefined
}

/** A trust domain, by its name. */
export class TrustDomain {
  /** `example.org` */
  readonly name: string
  /** `spiffe://example.org` */
  readonly id: string

  private constructor(name: string) {
    this.name = name
    this.id = `${SCHEME}${name}`
  }

  /**
   * Reads `example.org` or `spiffe://example.org`.
   * @throws InvalidTrustDomainError
   */
  static parse(text: string): TrustDomain {
    const name = text.startsWith(SCHEME) ? text.slice(SCHEME.length) : text
    if (!isTrustDomainName(name)) {
      throw new InvalidTrustDomainError(
        'a trust domain is 1 to 255 of the characters a-z, 0-9, dot, dash and underscore',
      )
    }
    return new TrustDomain(name)
  }

  toString(): string {
    return this.name
  }
}
