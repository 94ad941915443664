import { type Certificate, parseCertificate, verifyChain } from '../crypto/x509.ts'
import { CodedError, messageOf } from '../foundation/errors.ts'
import type { Bundle } from './bundle.ts'
import { SpiffeId } from './spiffe-id.ts'

/** The certificates are not an X.509-SVID, or the bundle does not verify them. */
export class InvalidX509SvidError extends CodedError {
  override readonly name = 'InvalidX509SvidError'
  readonly code = 'ERR_SPIFFE_X509_SVID_INVALID'
  readonly kind = 'invalid_argument'

  constructor(detail: string, options?: ErrorOptions) {
    super('not a valid X.509-SVID', { ...options, detail })
  }
}

export interface X509Svid {
  readonly spiffeId: SpiffeId
  /** Leaf first. */
  readonly chain: readonly Certificate[]
  readonly leaf: Certificate
}

/** An X.509-SVID that was verified against a bundle. */
export interface ValidX509Svid extends X509Svid {
  /** The CA certificate in the bundle to which the chain leads. */
  readonly authority: Certificate
}

/**
 * Reads a chain (DER, leaf first) and checks what X509-SVID §5.2 demands of the leaf. Signatures
 * are not verified.
 * @throws InvalidX509SvidError
 */
export function parseX509Svid(chain: readonly Buffer[]): X509Svid {
  const certificates = orInvalid(() => chain.map((der) => parseCertificate(der)))
  const [leaf, ...authorities] = certificates
  if (leaf === undefined) throw new InvalidX509SvidError('there is no certificate')
  if (leaf.isCa) throw new InvalidX509SvidError('the leaf is a CA') // §5.2
  checkKeyUsage(leaf)
  for (const each of authorities) {
    // §4.3; go-spiffe refuses the whole message otherwise
    if (!each.isCa || !each.keyUsages.has('keyCertSign')) {
      throw new InvalidX509SvidError('a certificate above the leaf is not a CA')
    }
  }
  return { spiffeId: spiffeIdOf(leaf), chain: certificates, leaf }
}

/**
 * Validates an X.509-SVID against the bundle of its own trust domain (X509-SVID §5).
 * @throws InvalidX509SvidError
 */
export function validateX509Svid(
  chain: readonly Buffer[],
  bundle: Bundle,
  nowSeconds: number,
): ValidX509Svid {
  const svid = parseX509Svid(chain)
  if (svid.spiffeId.trustDomain !== bundle.trustDomain) {
    throw new InvalidX509SvidError('it belongs to another trust domain than the bundle')
  }
  const authority = orInvalid(() => verifyChain(svid.chain, bundle.certificates, nowSeconds))
  return { ...svid, authority }
}

function checkKeyUsage({ keyUsages, isKeyUsageCritical }: Certificate): void {
  if (keyUsages.size === 0 || !isKeyUsageCritical) {
    throw new InvalidX509SvidError('the leaf has no critical key usage') // §4.3
  }
  if (keyUsages.has('keyCertSign') || keyUsages.has('cRLSign')) {
    throw new InvalidX509SvidError('the leaf may sign certificates or CRLs') // §5.2
  }
}

/**
 * The leaf must have exactly one URI SAN of any scheme (§2), and it must be a SPIFFE ID with a path
 * (§3.1).
 */
function spiffeIdOf({ uriSans }: Certificate): SpiffeId {
  const [uri, ...others] = uriSans
  if (uri === undefined || others.length > 0)
    throw new InvalidX509SvidError('the leaf does not have exactly one URI')
  const id = orInvalid(() => SpiffeId.parse(uri))
  if (id.path === '') throw new InvalidX509SvidError('its SPIFFE ID has no path')
  return id
}

function orInvalid<T>(task: () => T): T {
  try {
    return task()
  } catch (cause) {
    throw new InvalidX509SvidError(messageOf(cause), { cause })
  }
}
