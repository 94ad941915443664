/** What went wrong, in terms a caller can act on. Mapped to a gRPC status in rpc/status.ts and to an exit code in cli/exit-codes.ts only. */
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

/** Base of every error this program throws on purpose. */
export abstract class CodedError extends Error {
  abstract override readonly name: string
  abstract readonly code: `ERR_${string}`
  abstract readonly kind: ErrorKind

  /** The only text a remote peer may see; `message` and `cause` stay in the log. */
  readonly publicMessage: string
  /** The message for people, when it is several lines: each may hold text of somebody else's, which shall not begin another. */
  readonly lines: readonly string[] | undefined
  /** Under which the audit log has the reason: a refused peer is told this and no more. */
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

/** Whether this was thrown because a signal was aborted: by Node, or by the platform's own functions. */
export function isAbortError(thrown: unknown): boolean {
  const code = thrown instanceof Error ? (thrown as { readonly code?: unknown }).code : undefined
  return code === 'ABORT_ERR' || code === DOMException.ABORT_ERR
}

/** The text of anything that was thrown, for logs and operators. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
