import { CodedError } from '../../../foundation/errors.ts'

/** A trial runs in this directory already. */
export class TrialRunningError extends CodedError {
  override readonly name = 'TrialRunningError'
  readonly code = 'ERR_TRIAL_RUNNING'
  readonly kind = 'failed_precondition'
}

/** One of the two programs ended, or did not do its part. */
export class TrialFailedError extends CodedError {
  override readonly name = 'TrialFailedError'
  readonly code = 'ERR_TRIAL_FAILED'
  readonly kind = 'unavailable'
}
