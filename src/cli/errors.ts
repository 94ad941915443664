import { CodedError } from '../foundation/errors.ts'

/** The command line asks for something that cannot be meant. */
export class UsageError extends CodedError {
  override readonly name = 'UsageError'
  readonly code = 'ERR_CLI_USAGE'
  readonly kind = 'invalid_argument'
}

/** A file named on the command line cannot be read. */
export class UnreadableFileError extends CodedError {
  override readonly name = 'UnreadableFileError'
  readonly code = 'ERR_CLI_FILE_UNREADABLE'
  readonly kind = 'invalid_argument'
}

/** What was to be made is there already. */
export class AlreadyThereError extends CodedError {
  override readonly name = 'AlreadyThereError'
  readonly code = 'ERR_CLI_ALREADY_THERE'
  readonly kind = 'already_exists'
}

/** What was asked for is not there. */
export class NothingThereError extends CodedError {
  override readonly name = 'NothingThereError'
  readonly code = 'ERR_CLI_NOTHING_THERE'
  readonly kind = 'not_found'
}

/** What was waited for has not come. */
export class NotReadyError extends CodedError {
  override readonly name = 'NotReadyError'
  readonly code = 'ERR_CLI_NOT_READY'
  readonly kind = 'unavailable'
}

/** Node was started in a way that shows the program's keys to others: with a debugger, or with memory or TLS secrets written out. */
export class UnsafeRuntimeError extends CodedError {
  override readonly name = 'UnsafeRuntimeError'
  readonly code = 'ERR_CLI_UNSAFE_RUNTIME'
  readonly kind = 'invalid_argument'
}
