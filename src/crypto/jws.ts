import { type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { CodedError, messageOf } from '../foundation/errors.ts'
import { decodeBase64Url } from './base64url.ts'
import { JWS_SCHEMES, type JwsAlgorithm, type JwsScheme } from './jws-algorithm.ts'
import { type JsonObject, parseJsonObject } from './strict-json.ts'

export type { JwsAlgorithm } from './jws-algorithm.ts'

/**
 * The text is not a JWS in compact serialization with a JSON object as payload. The error never
 * holds the text.
 */
class InvalidJwsError extends CodedError {
  override readonly name = 'InvalidJwsError'
  readonly code = 'ERR_CRYPTO_JWS_INVALID'
  readonly kind = 'invalid_argument'

  constructor(detail: string) {
    super('not a signed token', { detail })
  }
}

const signInThread = promisify(sign)

/**
 * Signs claims as a JWS in compact serialization (RFC 7515 §7.1). The header is the same for all
 * tokens of a key, so it is encoded once.
 */
export class JwsSigner {
  readonly alg: JwsAlgorithm
  readonly kid: string
  readonly #scheme: JwsScheme
  readonly #key: KeyObject
  readonly #header: string

  constructor(input: {
    readonly alg: JwsAlgorithm
    readonly kid: string
    readonly typ?: string
    readonly privateKey: KeyObject
  }) {
    const { alg, kid, typ, privateKey } = input
    const scheme = JWS_SCHEMES[alg]
    if (privateKey.type !== 'private' || !scheme.fits(privateKey))
      throw new TypeError(`the key does not fit ${alg}`)
    this.alg = alg
    this.kid = kid
    this.#scheme = scheme
    this.#key = privateKey
    this.#header = `${encode({ alg, kid, ...(typ === undefined ? {} : { typ }) })}.`
  }

  sign(claims: object): string {
    const input = this.#header + encode(claims)
    return join(input, sign(this.#scheme.digest, Buffer.from(input, 'latin1'), this.#signingKey))
  }

  /** Does the same in another thread, for algorithms that take as long as ten to thirty P-256 signatures. */
  async signInThread(claims: object): Promise<string> {
    const input = this.#header + encode(claims)
    return join(
      input,
      await signInThread(this.#scheme.digest, Buffer.from(input, 'latin1'), this.#signingKey),
    )
  }

  get #signingKey() {
    return { key: this.#key, ...this.#scheme.options }
  }
}

function join(input: string, signature: Buffer): string {
  return `${input}.${signature.toString('base64url')}`
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

export interface ParsedJws {
  readonly header: JsonObject
  readonly claims: JsonObject
  readonly signingInput: Buffer
  readonly signature: Buffer
}

/** A token travels as a credential in a protocol header, so a longer one is not legitimate. */
const MAX_TOKEN_LENGTH = 64 * 1024
const MAX_HEADER_LENGTH = 4 * 1024

/**
 * Parses the compact serialization strictly: three parts in canonical base64url, and no duplicate
 * members in an object. Verifies nothing.
 * @throws InvalidJwsError
 */
export function parseJws(token: string): ParsedJws {
  if (token.length > MAX_TOKEN_LENGTH) throw new InvalidJwsError('it is too long')
  const parts = token.split('.')
  const [header, payload, signature] = parts
  if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
    throw new InvalidJwsError('it does not have three parts')
  }
  if (header.length > MAX_HEADER_LENGTH) throw new InvalidJwsError('its header is too long')
  const parsed = {
    header: decodeObject(header),
    claims: decodeObject(payload),
    signingInput: Buffer.from(token.slice(0, header.length + 1 + payload.length), 'latin1'),
    signature: decodePart(signature),
  }
  // RFC 7515 §4.1.11: refuse critical extensions that are not understood. This parser understands none.
  if (Object.hasOwn(parsed.header, 'crit')) throw new InvalidJwsError('it asks for an extension')
  return parsed
}

function decodeObject(part: string): JsonObject {
  const bytes = decodePart(part)
  try {
    return parseJsonObject(bytes)
  } catch (error) {
    throw new InvalidJwsError(messageOf(error))
  }
}

function decodePart(part: string): Buffer {
  const bytes = decodeBase64Url(part)
  if (bytes === undefined || bytes.length === 0) throw new InvalidJwsError('a part is not base64url')
  return bytes
}

/** Verifies a signature. Returns false also when the key does not fit the algorithm. */
export function verifyJws(parsed: ParsedJws, alg: JwsAlgorithm, publicKey: KeyObject): boolean {
  const { digest, options, fits } = JWS_SCHEMES[alg]
  if (!fits(publicKey)) return false
  return verify(digest, parsed.signingInput, { key: publicKey, ...options }, parsed.signature)
}

/**
 * Creates a bare signature: Ed25519, ECDSA in DER, or RSA (PKCS #1 v1.5), with the digest that fits
 * the key.
 */
export function signDetached(privateKey: KeyObject, data: Buffer): Buffer {
  return sign(digestFor(privateKey), data, privateKey)
}

/** Verifies a bare signature. Returns false for a malformed one, too. */
export function verifyDetached(publicKey: KeyObject, data: Buffer, signature: Buffer): boolean {
  return verify(digestFor(publicKey), data, publicKey, signature)
}

function digestFor(key: KeyObject): string | null {
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return null
    case 'rsa':
      return 'sha256'
    case 'ec':
      return key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'sha384' : 'sha256'
    default:
      throw new TypeError('a key that does not sign here')
  }
}
