import { constants, type KeyObject, type SigningOptions, verify } from 'node:crypto'
import { contextConstructed, DerReader, InvalidDerError, Tag } from './der-reader.ts'
import { SignatureOid } from './oids.ts'

/** The signed bytes of a certificate, the AlgorithmIdentifier and the signature. */
export interface SignedPart {
  readonly data: Buffer
  /** OID. */
  readonly algorithm: string
  /** DER of the parameters; empty when they are absent. */
  readonly parameters: Buffer
  readonly signature: Buffer
}

interface Scheme {
  readonly keyType: 'ec' | 'rsa'
  readonly digest: string
  readonly options?: SigningOptions
}

const NULL = Buffer.of(0x05, 0x00)
const NOTHING = Buffer.alloc(0)

/** SHA-1 is left out on purpose. */
const ECDSA: Readonly<Record<string, string>> = {
  [SignatureOid.ecdsaSha256]: 'sha256',
  [SignatureOid.ecdsaSha384]: 'sha384',
  [SignatureOid.ecdsaSha512]: 'sha512',
}
const PKCS1: Readonly<Record<string, string>> = {
  [SignatureOid.rsaSha256]: 'sha256',
  [SignatureOid.rsaSha384]: 'sha384',
  [SignatureOid.rsaSha512]: 'sha512',
}

/**
 * Returns whether this key made the signature of a certificate; false for unknown algorithms and
 * parameters, too.
 */
export function isSignedBy(signed: SignedPart, key: KeyObject): boolean {
  const scheme = schemeOf(signed)
  if (scheme === undefined || key.asymmetricKeyType !== scheme.keyType) return false
  try {
    return verify(scheme.digest, signed.data, { key, ...scheme.options }, signed.signature)
  } catch {
    return false // OpenSSL throws on a malformed signature
  }
}

/** Returns the scheme of a signature, or undefined when its algorithm or parameters are not accepted. */
export function schemeOf({ algorithm, parameters }: SignedPart): Scheme | undefined {
  const ecdsa = Object.hasOwn(ECDSA, algorithm) ? ECDSA[algorithm] : undefined
  // RFC 5758 §3.2: no parameters; RFC 4055 §5: NULL, which some CAs leave out.
  if (ecdsa !== undefined) return parameters.equals(NOTHING) ? { keyType: 'ec', digest: ecdsa } : undefined
  const pkcs1 = Object.hasOwn(PKCS1, algorithm) ? PKCS1[algorithm] : undefined
  if (pkcs1 !== undefined)
    return parameters.equals(NULL) || parameters.equals(NOTHING)
      ? { keyType: 'rsa', digest: pkcs1 }
      : undefined
  if (algorithm !== SignatureOid.rsaPss) return undefined
  const digest = pssDigest(parameters)
  return digest === undefined ? undefined : { keyType: 'rsa', digest, options: PSS }
}

const PSS: SigningOptions = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
}

const DIGESTS: ReadonlyMap<string, { readonly name: string; readonly bytes: number }> = new Map([
  ['2.16.840.1.101.3.4.2.1', { name: 'sha256', bytes: 32 }],
  ['2.16.840.1.101.3.4.2.2', { name: 'sha384', bytes: 48 }],
  ['2.16.840.1.101.3.4.2.3', { name: 'sha512', bytes: 64 }],
])
const MGF1 = '1.2.840.113549.1.1.8'

/**
 * Parses RSASSA-PSS-params (RFC 4055 §3.1) in the one form that is in use: the same digest for the
 * message and for MGF1, and a salt of the digest's length. The defaults, SHA-1 and a salt of 20
 * octets, are not accepted.
 */
function pssDigest(parameters: Buffer): string | undefined {
  try {
    const outer = new DerReader(parameters)
    const fields = outer.enter(Tag.sequence)
    outer.end()
    const digest = readDigest(fields.enter(contextConstructed(0)))
    const mgf = fields.enter(contextConstructed(1)).enter(Tag.sequence)
    if (mgf.readOid() !== MGF1) return undefined
    const mgfDigest = readDigest(mgf)
    const salt = fields.enter(contextConstructed(2)).readSmallUnsigned()
    if (fields.nextTag === contextConstructed(3)) {
      if (fields.enter(contextConstructed(3)).readSmallUnsigned() !== 1) return undefined
    }
    fields.end()
    return digest !== undefined && digest === mgfDigest && salt === digest.bytes ? digest.name : undefined
  } catch (error) {
    if (error instanceof InvalidDerError) return undefined
    throw error
  }
}

function readDigest(holder: DerReader): { readonly name: string; readonly bytes: number } | undefined {
  const identifier = holder.enter(Tag.sequence)
  holder.end()
  const found = DIGESTS.get(identifier.readOid())
  if (identifier.hasMore && !identifier.readAny().whole.equals(NULL)) return undefined
  identifier.end()
  return found
}
