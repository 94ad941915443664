import { CodedError } from '../../foundation/errors.ts'

/** The key-encryption key is not the one that this database was made with. */
export class WrongSealingKeyError extends CodedError {
  override readonly name = 'WrongSealingKeyError'
  readonly code = 'ERR_CA_WRONG_SEALING_KEY'
  readonly kind = 'failed_precondition'
}

/** The database belongs to another trust domain than the configuration names. */
export class WrongTrustDomainError extends CodedError {
  override readonly name = 'WrongTrustDomainError'
  readonly code = 'ERR_CA_WRONG_TRUST_DOMAIN'
  readonly kind = 'failed_precondition'
}

/** The purpose that was asked to rotate does not exist, or does not rotate on demand. */
export class UnknownCaError extends CodedError {
  override readonly name = 'UnknownCaError'
  readonly code = 'ERR_CA_UNKNOWN'
  readonly kind = 'invalid_argument'
}
