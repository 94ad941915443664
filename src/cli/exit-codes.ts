import { CodedError, type ErrorKind } from '../foundation/errors.ts'
import { RpcError } from '../rpc/status.ts'

/** Exit codes. They are stable, so that scripts can rely on them. */
export const ExitCode = {
  /** Done. */
  DONE: 0,
  /** The answer is no: `diff` found differences, `audit verify` found damage, `svid validate` a bad token. */
  NO: 1,
  /** The command line or a file is wrong. */
  INVALID: 2,
  /** The named object does not exist. */
  NOT_FOUND: 3,
  /** The server refused the call, or you may not use its socket. */
  DENIED: 4,
  /** The server did not answer, or is busy: trying again may help. */
  UNAVAILABLE: 5,
  /** Something else must be done first: the object exists already, was changed meanwhile or is locked. */
  CONFLICT: 6,
  /** A defect of this program. */
  INTERNAL: 70,
} as const

const CODE_OF: Readonly<Record<ErrorKind, number>> = {
  invalid_argument: ExitCode.INVALID,
  unauthenticated: ExitCode.DENIED,
  permission_denied: ExitCode.DENIED,
  not_found: ExitCode.NOT_FOUND,
  already_exists: ExitCode.CONFLICT,
  failed_precondition: ExitCode.CONFLICT,
  unavailable: ExitCode.UNAVAILABLE,
  resource_exhausted: ExitCode.UNAVAILABLE,
  unimplemented: ExitCode.INVALID,
  internal: ExitCode.INTERNAL,
}

/** The only place that converts an error to an exit code. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof RpcError && error.isForbidden) return ExitCode.DENIED // trying again does not help
  return error instanceof CodedError ? CODE_OF[error.kind] : ExitCode.INTERNAL
}
