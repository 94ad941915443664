import { createPublicKey, verify } from 'node:crypto'
import { CodedError } from '../foundation/errors.ts'
import { SignatureOid } from './oids.ts'
import type { Certificate } from './x509.ts'

export type ChainProblem =
  | 'empty'
  | 'too_long'
  | 'expired'
  | 'not_yet_valid'
  | 'issuer_unknown'
  | 'signature'
  | 'not_a_ca'
  | 'path_length'
  | 'critical_extension'

const MESSAGES: Readonly<Record<ChainProblem, string>> = {
  empty: 'there is no certificate',
  too_long: 'the chain is too long',
  expired: 'a certificate has expired',
  not_yet_valid: 'a certificate is not valid yet',
  issuer_unknown: 'no trusted CA issued it',
  signature: 'a signature does not fit',
  not_a_ca: 'a certificate that is no CA is used as one',
  path_length: 'a path length is exceeded',
  critical_extension: 'a critical extension is not understood',
}

/** A chain that leads to no trusted root. */
export class ChainInvalidError extends CodedError {
  override readonly name = 'ChainInvalidError'
  readonly code = 'ERR_CRYPTO_CHAIN_INVALID'
  readonly kind = 'unauthenticated'
  readonly reason: ChainProblem

  constructor(reason: ChainProblem) {
    super('the certificate chain is not valid', { detail: MESSAGES[reason] })
    this.reason = reason
  }
}

/** As in rust-spiffe; a real chain has two or three. */
const LONGEST_CHAIN = 16

/**
 * Path validation (RFC 5280 §6.1): leaf first, each certificate issued by the next one or by a root; what follows the one that a root
 * issued is not looked at. Roots must be valid CAs themselves. There is no leeway: what we sign is backdated instead.
 * @returns the root
 * @throws ChainInvalidError
 */
export function verifyChain(
  chain: readonly Certificate[],
  roots: readonly Certificate[],
  nowSeconds: number,
): Certificate {
  if (chain.length > LONGEST_CHAIN) throw new ChainInvalidError('too_long')
  let cas = 0 // those below, as far as the path length counts them
  for (const [index, certificate] of chain.entries()) {
    checkItself(certificate, nowSeconds)
    if (index > 0) {
      checkAsCa(certificate, cas)
      if (!certificate.subjectDer.equals(certificate.issuerDer)) cas += 1 // RFC 5280 §6.1.4 (l)
    }
    // Roots may share a subject while they rotate: the one whose key fits.
    const named = roots.filter((each) => namesIssuer(certificate, each))
    const root = named.find((each) => isSignedBy(certificate, each))
    if (root !== undefined) {
      checkItself(root, nowSeconds)
      checkAsCa(root, cas)
      return root
    }
    const next = chain[index + 1]
    if (next === undefined || !namesIssuer(certificate, next)) {
      throw new ChainInvalidError(named.length > 0 ? 'signature' : 'issuer_unknown')
    }
    if (!isSignedBy(certificate, next)) throw new ChainInvalidError('signature')
  }
  throw new ChainInvalidError('empty')
}

function checkItself(certificate: Certificate, nowSeconds: number): void {
  if (!(nowSeconds >= certificate.notBefore)) throw new ChainInvalidError('not_yet_valid')
  // A certificate is valid through the second that it names.
  if (!(Math.floor(nowSeconds) <= certificate.notAfter)) throw new ChainInvalidError('expired')
  if (certificate.unknownCriticalExtensions.length > 0) throw new ChainInvalidError('critical_extension')
}

function checkAsCa({ isCa, keyUsages, pathLength }: Certificate, below: number): void {
  if (!isCa || !keyUsages.has('keyCertSign')) throw new ChainInvalidError('not_a_ca')
  if (pathLength !== undefined && below > pathLength) throw new ChainInvalidError('path_length')
}

function namesIssuer(certificate: Certificate, issuer: Certificate): boolean {
  if (!certificate.issuerDer.equals(issuer.subjectDer)) return false
  const { authorityKeyId } = certificate
  return (
    authorityKeyId === undefined ||
    issuer.subjectKeyId === undefined ||
    authorityKeyId === issuer.subjectKeyId
  )
}

/** Which key an algorithm takes, and with which digest. SHA-1 and RSA-PSS are not among them. */
const ALGORITHMS: Readonly<Record<string, { readonly key: string; readonly digest: string | null }>> = {
  [SignatureOid.ecdsaSha256]: { key: 'ec', digest: 'sha256' },
  [SignatureOid.ecdsaSha384]: { key: 'ec', digest: 'sha384' },
  [SignatureOid.ecdsaSha512]: { key: 'ec', digest: 'sha512' },
  [SignatureOid.rsaSha256]: { key: 'rsa', digest: 'sha256' },
  [SignatureOid.rsaSha384]: { key: 'rsa', digest: 'sha384' },
  [SignatureOid.rsaSha512]: { key: 'rsa', digest: 'sha512' },
  [SignatureOid.ed25519]: { key: 'ed25519', digest: null },
}

function isSignedBy({ signed }: Certificate, issuer: Certificate): boolean {
  const algorithm = Object.hasOwn(ALGORITHMS, signed.algorithm) ? ALGORITHMS[signed.algorithm] : undefined
  if (algorithm === undefined) return false
  try {
    const key = createPublicKey({ key: issuer.publicKeyDer, format: 'der', type: 'spki' })
    return (
      key.asymmetricKeyType === algorithm.key && verify(algorithm.digest, signed.data, key, signed.signature)
    )
  } catch {
    return false // a key that OpenSSL does not take has signed nothing
  }
}
