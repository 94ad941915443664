import { DerReader, InvalidDerError, Tag } from './der-reader.ts'

/**
 * The accepted forms of public keys, recognized by their encoding alone: uncompressed points on the
 * named curves P-256, P-384 and P-521, and RSA. Validators of SPIFFE accept these (JWT-SVID §2.1).
 * Each has exactly one accepted encoding.
 */
interface CurveForm {
  readonly curve: string
  /** The SubjectPublicKeyInfo up to the coordinates. */
  readonly head: Buffer
  readonly length: number
}

const curveForm = (curve: string, head: string, coordinates: number): CurveForm => {
  const bytes = Buffer.from(head, 'hex')
  return { curve, head: bytes, length: bytes.length + coordinates }
}
const CURVES: readonly CurveForm[] = [
  curveForm('P-256', '3059301306072a8648ce3d020106082a8648ce3d03010703420004', 64),
  curveForm('P-384', '3076301006072a8648ce3d020106052b8104002203620004', 96),
  curveForm('P-521', '30819b301006072a8648ce3d020106052b810400230381860004', 132),
]

/**
 * Returns the curve of a key, or undefined. OpenSSL checks that the point is on the curve when it
 * reads the key.
 */
export function curveOf(spki: Buffer): string | undefined {
  return CURVES.find(
    ({ head, length }) => spki.length === length && spki.compare(head, 0, head.length, 0, head.length) === 0,
  )?.curve
}

/** AlgorithmIdentifier of rsaEncryption with NULL parameters (RFC 3279 §2.3.1). */
const RSA_ALGORITHM = Buffer.from('300d06092a864886f70d0101010500', 'hex')
const RSA_BITS = { min: 2048, max: 8192 }
/**
 * The exponent that every common key generator uses. With 1 anyone can forge signatures, and small
 * ones have a history of attacks.
 */
const MIN_EXPONENT = 65_537
/** Go reads no larger exponent. */
const MAX_EXPONENT = 2 ** 31 - 1
/** A valid modulus has none of these factors (SP 800-89 §5.3.3). */
const SMALL_PRIMES = primesUpTo(751)
const SMALL_PRIMES_PRODUCT = SMALL_PRIMES.reduce((all, prime) => all * prime, 1n)

/** Returns why the bytes are not an accepted RSA key, or undefined when they are. */
export function rsaProblem(spki: Buffer): string | undefined {
  let modulus: Buffer
  let exponent: Buffer
  try {
    ;[modulus, exponent] = readRsa(spki)
  } catch (error) {
    if (error instanceof InvalidDerError) return 'neither EC on P-256, P-384 or P-521 nor RSA'
    throw error
  }
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24
  if (bits < RSA_BITS.min || bits > RSA_BITS.max) return `an RSA key of ${bits} bits`
  if (exponent.length > 4) return 'an RSA key whose exponent is out of range'
  const e = exponent.readUIntBE(0, exponent.length)
  if (e < MIN_EXPONENT || e > MAX_EXPONENT || e % 2 === 0)
    return `an RSA key with the exponent ${e}, which is not an odd number from ${MIN_EXPONENT} to 2^31`
  const rest = BigInt(`0x${modulus.toString('hex')}`) % SMALL_PRIMES_PRODUCT
  if (SMALL_PRIMES.some((prime) => rest % prime === 0n)) return 'an RSA key whose modulus has a small factor'
  return undefined
}

function readRsa(spki: Buffer): [modulus: Buffer, exponent: Buffer] {
  const outer = new DerReader(spki)
  const info = outer.enter(Tag.sequence)
  outer.end()
  if (!info.read(Tag.sequence).whole.equals(RSA_ALGORITHM)) throw new InvalidDerError('not RSA')
  const bits = new DerReader(info.readBitString())
  info.end()
  const numbers = bits.enter(Tag.sequence)
  bits.end()
  const modulus = numbers.readUnsigned()
  const exponent = numbers.readUnsigned()
  numbers.end()
  return [modulus, exponent]
}

function primesUpTo(largest: number): bigint[] {
  const found: bigint[] = []
  for (let n = 2n; n <= largest; n += 1n) if (found.every((prime) => n % prime !== 0n)) found.push(n)
  return found
}
