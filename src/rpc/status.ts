import { CodedError, type ErrorKind, isAbortError } from '../foundation/errors.ts'

/** gRPC status codes. Written here as numbers, so that whoever only reads a code need not load grpc-js. */
export const StatusCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

const STATUS_OF: Readonly<Record<ErrorKind, number>> = {
  invalid_argument: StatusCode.INVALID_ARGUMENT,
  unauthenticated: StatusCode.UNAUTHENTICATED,
  permission_denied: StatusCode.PERMISSION_DENIED,
  not_found: StatusCode.NOT_FOUND,
  already_exists: StatusCode.ALREADY_EXISTS,
  failed_precondition: StatusCode.FAILED_PRECONDITION,
  unavailable: StatusCode.UNAVAILABLE,
  resource_exhausted: StatusCode.RESOURCE_EXHAUSTED,
  unimplemented: StatusCode.UNIMPLEMENTED,
  internal: StatusCode.INTERNAL,
}

/** The kinds by status; a status that no kind stands for is the nearest kind, and CANCELLED, which we never send, `unavailable`. */
const KIND_OF: Readonly<Record<number, ErrorKind>> = {
  ...Object.fromEntries(Object.entries(STATUS_OF).map(([kind, status]) => [status, kind as ErrorKind])),
  [StatusCode.CANCELLED]: 'unavailable',
  [StatusCode.DEADLINE_EXCEEDED]: 'unavailable',
  [StatusCode.ABORTED]: 'unavailable',
  [StatusCode.OUT_OF_RANGE]: 'invalid_argument',
}

/**
 * Peers cap the whole header list, some at 8 KiB, and percent-encoding triples a message: beyond that the call would fail without any
 * status at all.
 */
const MAX_MESSAGE_LENGTH = 320

/** What the peer sees of a failed call. */
export interface Status {
  readonly code: number
  readonly details: string
  /** Of a refusal: where the audit log has the reason. */
  readonly reference?: string
}

interface RpcErrorOptions extends ErrorOptions {
  readonly unreachable?: boolean
  readonly reference?: string | undefined
}

/** The trailer that carries the reference of a refusal. */
export const REFERENCE_TRAILER = 'signet-reference'

/** The other side answered with an error, or could not be reached. */
export class RpcError extends CodedError {
  override readonly name = 'RpcError'
  readonly code = 'ERR_RPC_FAILED'
  readonly kind: ErrorKind
  /** The gRPC status code; see {@link StatusCode}. */
  readonly status: number
  /** True when there was no connection: nobody has answered. */
  readonly unreachable: boolean

  constructor(status: number, publicMessage: string, options?: RpcErrorOptions) {
    super(publicMessage, options)
    this.kind = KIND_OF[status] ?? 'internal'
    this.status = status
    this.unreachable = options?.unreachable === true
  }
}

/** The single place where an error becomes something a peer can see. Never OK and never CANCELLED: both are final for some clients. */
export function toStatus(error: unknown): Status {
  if (error instanceof CodedError) {
    const details = error.publicMessage.slice(0, MAX_MESSAGE_LENGTH).toWellFormed()
    const { kind, reference } = error
    return { code: STATUS_OF[kind], details, ...(reference === undefined ? {} : { reference }) }
  }
  if (isAbortError(error)) {
    return { code: StatusCode.UNAVAILABLE, details: 'ending' }
  }
  return { code: StatusCode.INTERNAL, details: 'internal error' }
}
