import { CodedError, type ErrorKind, isAbortError } from '../foundation/errors.ts'

/** gRPC status codes. Defined here, so that code which only reads a status need not load grpc-js. */
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

/**
 * The error kind of each status. A status without a kind of its own gets the nearest one;
 * CANCELLED, which our servers never send, is `unavailable`.
 */
const KIND_OF: Readonly<Record<number, ErrorKind>> = {
  ...Object.fromEntries(Object.entries(STATUS_OF).map(([kind, status]) => [status, kind as ErrorKind])),
  [StatusCode.CANCELLED]: 'unavailable',
  [StatusCode.DEADLINE_EXCEEDED]: 'unavailable',
  [StatusCode.ABORTED]: 'unavailable',
  [StatusCode.OUT_OF_RANGE]: 'invalid_argument',
}

/**
 * Peers limit the whole header list, some to 8 KiB, and percent-encoding triples a message. A
 * longer message would make the call fail without any status.
 */
const MAX_MESSAGE_LENGTH = 320

/** What the peer sees of a failed call. */
export interface Status {
  readonly code: number
  readonly details: string
  /** The reference under which the audit log has the reason of a refusal. */
  readonly reference?: string
  /** The code of the error, where administrators ask. */
  readonly errorCode?: string
}

interface RpcErrorOptions extends ErrorOptions {
  readonly unreachable?: boolean
  readonly isForbidden?: boolean
  readonly reference?: string | undefined
  readonly remoteCode?: string | undefined
}

/** The trailer that carries the reference of a refusal. */
export const REFERENCE_TRAILER = 'signet-reference'
/** The trailer that carries the code of an error to an administrator. */
export const ERROR_CODE_TRAILER = 'signet-error-code'
/** The details with which a Signet server answers an unknown method. */
export const UNKNOWN_METHOD_DETAILS = 'unknown method'

/** The server answered with an error, or could not be reached. */
export class RpcError extends CodedError {
  override readonly name = 'RpcError'
  readonly code = 'ERR_RPC_FAILED'
  readonly kind: ErrorKind
  /** The gRPC status code; see {@link StatusCode}. */
  readonly status: number
  /** True when there was no connection, so no server answered. */
  readonly unreachable: boolean
  /** True when the user may not use the socket. */
  readonly isForbidden: boolean
  /** The code of the error on the server, if that server tells its callers. */
  readonly remoteCode: string | undefined

  constructor(status: number, publicMessage: string, options?: RpcErrorOptions) {
    super(publicMessage, options)
    this.kind = KIND_OF[status] ?? 'internal'
    this.status = status
    this.unreachable = options?.unreachable === true
    this.isForbidden = options?.isForbidden === true
    this.remoteCode = options?.remoteCode
  }
}

/**
 * The only place that converts an error to a gRPC status. The result is never OK or CANCELLED,
 * because some clients do not retry after these.
 */
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

/** The same for administrators, whom the code helps to find the error in the documentation. */
export function toStatusWithCode(error: unknown): Status {
  const status = toStatus(error)
  return error instanceof CodedError ? { ...status, errorCode: error.code } : status
}
