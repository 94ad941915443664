import { CodedError } from '../foundation/errors.ts'

/** Another reader of tokens does not accept one that this program accepts. */
class TokenUnreadableError extends CodedError {
  override readonly name = 'TokenUnreadableError'
  readonly code = 'ERR_CRYPTO_TOKEN_UNREADABLE'
  readonly kind = 'invalid_argument'
}

/**
 * Verifies the signature of a token by a JWK Set as most Node services do, with jose: what this program makes and accepts, others must
 * accept, too. Loaded for this only; the hot paths verify with `crypto/jws`.
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
