import { CodedError } from '../foundation/errors.ts'

/** Another JWT library does not accept a token that this program accepts. */
class TokenUnreadableError extends CodedError {
  override readonly name = 'TokenUnreadableError'
  readonly code = 'ERR_CRYPTO_TOKEN_UNREADABLE'
  readonly kind = 'invalid_argument'
}

/**
 * Verifies the signature of a token against a JWK Set with jose, as most Node services do. This
 * checks that others accept the tokens that this program issues. The hot paths verify with
 * `crypto/jws`.
 * @throws TokenUnreadableError
 */
export async function verifyByKeySet(token: string, keySetJson: string): Promise<void> {
  const { compactVerify, createLocalJWKSet, errors } = await import('jose')
  try {
    await compactVerify(token, createLocalJWKSet(JSON.parse(keySetJson)))
  } catch (cause) {
    if (!(cause instanceof errors.JOSEError)) throw cause
    throw new TokenUnreadableError(`other readers refuse it (jose: ${cause.code})`, { cause })
  }
}
