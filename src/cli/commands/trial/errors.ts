import { CodedError } from '../../../foundation/errors.ts'

/** A trial already runs in this directory. */
export class TrialRunningError extends CodedError {
  override readonly name = 'TrialRunningError'
  readonly code = 'ERR_TRIAL_RUNNING'
  readonly kind = 'failed_precondition'
}

/** One of the two programs of the trial ended or failed. */
export class TrialFailedError extends CodedError {
  override readonly name = 'TrialFailedError'
  readonly code = 'ERR_TRIAL_FAILED'
  readonly kind = 'unavailable'
}
