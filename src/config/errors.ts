import { CodedError } from '../foundation/errors.ts'

/**
 * A configuration or resource file has mistakes; the message has one line for each, with file and
 * line number.
 */
export class InvalidConfigError extends CodedError {
  override readonly name = 'InvalidConfigError'
  readonly code = 'ERR_CONFIG_INVALID'
  readonly kind = 'invalid_argument'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'), { lines: problems })
    this.problems = problems
  }
}

/** A secret that the configuration refers to cannot be read. */
export class SecretUnavailableError extends CodedError {
  override readonly name = 'SecretUnavailableError'
  readonly code = 'ERR_SECRET_UNAVAILABLE'
  readonly kind = 'failed_precondition'
}

/** The user has no home directory in which default places could be. */
export class HomeUnknownError extends CodedError {
  override readonly name = 'HomeUnknownError'
  readonly code = 'ERR_CONFIG_HOME_UNKNOWN'
  readonly kind = 'failed_precondition'
}
