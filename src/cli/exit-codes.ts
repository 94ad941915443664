import { CodedError, type ErrorKind } from '../foundation/errors.ts'

/** What a command's end says; stable, so that scripts can rely on it. */
export const ExitCode = {
  /** Done. */
  DONE: 0,
  /** The question was answered, and the answer is no: `diff` found differences, `audit verify` damage. */
  NO: 1,
  /** The command line or a file is wrong. */
  INVALID: 2,
  /** What was named is not there. */
  NOT_FOUND: 3,
  /** The other side says no. */
  DENIED: 4,
  /** Nobody answered, or not now: trying again may help. */
  UNAVAILABLE: 5,
  /** Something else must be done first: it exists, has changed meanwhile, is locked. */
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

/** The single place where an error becomes an exit code. */
export function exitCodeOf(error: unknown): number {
  return error instanceof CodedError ? CODE_OF[error.kind] : ExitCode.INTERNAL
}
