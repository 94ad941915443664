import { CodedError } from '../foundation/errors.ts'

/** The text is not a trust domain name (SPIFFE-ID §2.1). */
class InvalidTrustDomainError extends CodedError {
  override readonly name = 'InvalidTrustDomainError'
  readonly code = 'ERR_SPIFFE_TRUST_DOMAIN_INVALID'
  readonly kind = 'invalid_argument'
}

const SCHEME = 'spiffe://'
/** SPIFFE-ID §2.1 and §2.3. Names are not normalised in any way, and the rules of DNS do not apply. */
const NAME = /^[a-z0-9._-]{1,255}$/

/** Whether the text is a valid trust domain name. */
export function isTrustDomainName(text: string): boolean {
  return NAME.test(text)
}

const MAX_HOST_LENGTH = 253
const MAX_LABEL_LENGTH = 63

/**
 * Why some clients could not read SVIDs of this trust domain, although SPIFFE allows its name;
 * undefined if all can. Go and Java parse the authority of a URI as a host name and reject empty
 * labels; some releases of Go also reject long ones.
 */
export function trustDomainReadingProblem(name: string): string | undefined {
  const labels = name.split('.')
  if (labels.includes('')) return 'it must not begin or end with a dot, or have two in a row'
  if (name.length > MAX_HOST_LENGTH || labels.some((label) => label.length > MAX_LABEL_LENGTH))
    return `it may have at most ${MAX_HOST_LENGTH} characters, and at most ${MAX_LABEL_LENGTH} between dots`
  return undefined
}

/** A trust domain. */
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
