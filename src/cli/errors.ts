import { CodedError } from '../foundation/errors.ts'

/** The command line is wrong. */
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

/** A file or resource that the command would create already exists. */
export class AlreadyThereError extends CodedError {
  override readonly name = 'AlreadyThereError'
  readonly code = 'ERR_CLI_ALREADY_THERE'
  readonly kind = 'already_exists'
}

/** The command did not find what it was asked for. */
export class NothingThereError extends CodedError {
  override readonly name = 'NothingThereError'
  readonly code = 'ERR_CLI_NOTHING_THERE'
  readonly kind = 'not_found'
}

/** The program is not ready, or did not become ready within `--wait`. */
export class NotReadyError extends CodedError {
  override readonly name = 'NotReadyError'
  readonly code = 'ERR_CLI_NOT_READY'
  readonly kind = 'unavailable'
}

/** Node was started with a debugger, or with an option that writes memory or TLS secrets to files. */
export class UnsafeRuntimeError extends CodedError {
  override readonly name = 'UnsafeRuntimeError'
  readonly code = 'ERR_CLI_UNSAFE_RUNTIME'
  readonly kind = 'invalid_argument'
}

/** What would be deleted is in use now, and nobody agreed. */
export class StillInUseError extends CodedError {
  override readonly name = 'StillInUseError'
  readonly code = 'ERR_CLI_STILL_IN_USE'
  readonly kind = 'failed_precondition'
}
