import { CodedError } from '../../foundation/errors.ts'

/** There is no key of this purpose, or it does not rotate by command. */
export class UnknownCaError extends CodedError {
  override readonly name = 'UnknownCaError'
  readonly code = 'ERR_CA_UNKNOWN'
  readonly kind = 'invalid_argument'
}

/** The clock of the host has just jumped, so no key changes until it is clear that the time is right. */
export class ClockJumpedError extends CodedError {
  override readonly name = 'ClockJumpedError'
  readonly code = 'ERR_CA_CLOCK_JUMPED'
  readonly kind = 'failed_precondition'
}

/** The signing key has expired, and no successor is active yet. */
export class SignerExpiredError extends CodedError {
  override readonly name = 'SignerExpiredError'
  readonly code = 'ERR_CA_SIGNER_EXPIRED'
  readonly kind = 'unavailable'
}

/** The key-encryption key cannot be changed in this way. */
export class RekeyRefusedError extends CodedError {
  override readonly name = 'RekeyRefusedError'
  readonly code = 'ERR_CA_REKEY_REFUSED'
  readonly kind = 'failed_precondition'
}
