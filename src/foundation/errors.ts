/**
 * What went wrong, in terms that a caller can act on. Only rpc/status.ts maps it to a gRPC status,
 * and only cli/exit-codes.ts to an exit code.
 */
export type ErrorKind =
  | 'invalid_argument'
  | 'unauthenticated'
  | 'permission_denied'
  | 'not_found'
  | 'already_exists'
  | 'failed_precondition'
  | 'unavailable'
  | 'resource_exhausted'
  | 'unimplemented'
  | 'internal'

/** Base class of every error that this program throws on purpose. */
export abstract class CodedError extends Error {
  abstract override readonly name: string
  abstract readonly code: `ERR_${string}`
  abstract readonly kind: ErrorKind

  /** The only text that a remote peer may see. `message` and `cause` go to the log. */
  readonly publicMessage: string
  /**
   * The message as separate lines, when it has several. Each may quote foreign text, which must not
   * start a line of its own.
   */
  readonly lines: readonly string[] | undefined
  /** The audit log's reference to the reason. A refused peer learns only this. */
  readonly reference: string | undefined

  constructor(
    publicMessage: string,
    options?: ErrorOptions & { detail?: string; lines?: readonly string[]; reference?: string | undefined },
  ) {
    super(options?.detail ? `${publicMessage}: ${options.detail}` : publicMessage, options)
    this.publicMessage = publicMessage
    this.lines = options?.lines
    this.reference = options?.reference
  }
}

/** Returns an error of this program. Throws anything else again: it is a bug or a failure of the platform. */
export function requireCoded(thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown
  throw thrown
}

/** Whether an aborted signal caused this error, in Node or in a platform function. */
export function isAbortError(thrown: unknown): boolean {
  const code = thrown instanceof Error ? (thrown as { readonly code?: unknown }).code : undefined
  return code === 'ABORT_ERR' || code === DOMException.ABORT_ERR
}

/** The message of anything that was thrown, for logs and operators. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
