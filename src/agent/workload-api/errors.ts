import { CodedError } from '../../foundation/errors.ts'

/**
 * The request violates a rule of the Workload API. The message names the rule, never what the
 * caller sent.
 */
export class InvalidWorkloadRequestError extends CodedError {
  override readonly name = 'InvalidWorkloadRequestError'
  readonly code = 'ERR_WORKLOAD_REQUEST_INVALID'
  readonly kind = 'invalid_argument'
}

/** The agent does not support this optional profile (Workload API §7). */
export class ProfileUnsupportedError extends CodedError {
  override readonly name = 'ProfileUnsupportedError'
  readonly code = 'ERR_PROFILE_UNSUPPORTED'
  readonly kind = 'unimplemented'
}
