import { CodedError } from '../../foundation/errors.ts'

/** The request for secrets is malformed. The message names the rule, never what the caller sent. */
export class InvalidSecretRequestError extends CodedError {
  override readonly name = 'InvalidSecretRequestError'
  readonly code = 'ERR_SDS_REQUEST_INVALID'
  readonly kind = 'invalid_argument'
}
