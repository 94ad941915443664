import { CodedError } from '../../foundation/errors.ts'
import type { Grant } from '../../policy/grant.ts'

/**
 * The answer to the batch would be longer than a message may be; ask for fewer SVIDs at a time.
 * Nothing was signed.
 */
class AnswerTooLongError extends CodedError {
  override readonly name = 'AnswerTooLongError'
  readonly code = 'ERR_ISSUANCE_ANSWER_TOO_LONG'
  readonly kind = 'resource_exhausted'
}

/** The message size that gRPC clients accept by default. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
/** Bytes of a leaf: key, signature, dates and key identifiers. */
const X509_BYTES = 1024
/** Bytes of a name's tag and length. */
const NAME_BYTES = 4
/** Bytes of a token: the header, and the signature of the longest RSA key. */
const JWT_BYTES = 1024
/** Bytes of its payload: times, `jti` and claim names. */
const JWT_CLAIMS_BYTES = 192
/** Bytes of a refusal: a code, and a sentence with a reference. */
export const REFUSAL_BYTES = 256

/** @throws AnswerTooLongError */
export function checkAnswerBytes(bytes: number): void {
  if (bytes > MAX_ANSWER_BYTES)
    throw new AnswerTooLongError('the answer would be longer than a message may be: ask for fewer at once')
}

/** An upper bound of the bytes that an X.509-SVID takes. */
export function x509Bytes({ spiffeId, x509 }: Grant): number {
  return x509.dnsSans.reduce((sum, name) => sum + name.length + NAME_BYTES, X509_BYTES + spiffeId.length)
}

/** An upper bound of the bytes that a JWT-SVID for this audience takes: its claims as JSON, in base64. */
export function jwtBytes({ spiffeId, jwt }: Grant, audience: readonly string[]): number {
  const claims = JWT_CLAIMS_BYTES + spiffeId.length + jsonBytes(audience) + jsonBytes(jwt.extraClaims)
  return JWT_BYTES + Math.ceil((claims * 4) / 3)
}

/** The bytes of a value as JSON, where a quote takes two bytes and a control character six. */
export function jsonBytes(value: string | readonly string[] | Readonly<Record<string, unknown>>): number {
  return Buffer.byteLength(JSON.stringify(value))
}
