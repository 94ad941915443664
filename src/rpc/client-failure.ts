import { connectReason, GRPC_WORDS, systemCode } from './connect-failures.ts'
import {
  ERROR_CODE_TRAILER,
  REFERENCE_TRAILER,
  RpcError,
  StatusCode,
  UNKNOWN_METHOD_DETAILS,
} from './status.ts'

/** The parts of a grpc-js error that are used here. */
interface Failure {
  readonly code?: number
  readonly details?: string
  readonly message: string
  /** The trailers. */
  readonly metadata?: { get(name: string): readonly unknown[] }
}

export interface FailureContext {
  readonly address: string
  readonly isUnix: boolean
  /** This client gave up on connecting, because it took too long. */
  readonly timedOut: boolean
  readonly state: string
  /**
   * What failed, if the client knows. `unreachable`: the connection. `lost`: the connection, during the
   * call. `status`: the server answered with this status. grpc-js says it only in words.
   */
  readonly outcome?: 'unreachable' | 'lost' | 'status'
  /** How far a network connection had come. */
  readonly stage?: ConnectStage
}

/** How far a connection has come: waiting for TCP, in the TLS handshake, or waiting for HTTP/2. */
export type ConnectStage = 'tcp' | 'tls' | 'http2'

const LATE: Readonly<Record<ConnectStage, string>> = {
  tcp: 'timeout',
  tls: 'timeout: it took the connection, but TLS was not done in time',
  http2: 'timeout: it agreed on TLS, but HTTP/2 did not begin in time',
}
const NETWORK_ADVICE = 'the agent needs outbound TCP, TLS passed through'
/** The advice when something did answer at the address. */
const ANSWERED_ADVICE = "look for connection.refused in the authority's log, then at what is on the way"

/**
 * Turns a failed call into an error of one sentence. A status sent by the server keeps its text; a
 * failure below gRPC names the address and the remedy.
 */
export function describeFailure(failure: Failure, context: FailureContext): RpcError {
  const details = failure.details ?? failure.message
  const status = failure.code ?? StatusCode.UNKNOWN
  const outcome = context.outcome ?? outcomeByWords(status, details)
  const unconnected =
    context.timedOut ||
    outcome === 'unreachable' ||
    (status === StatusCode.DEADLINE_EXCEEDED && context.state !== 'ready')
  if (unconnected) {
    const isLate = context.timedOut || status === StatusCode.DEADLINE_EXCEEDED
    const what = context.isUnix
      ? `(${isLate ? 'timeout' : connectReason(details).text}): ${unixAdvice(details)}`
      : networkFailure(details, isLate ? (context.stage ?? 'tcp') : undefined)
    const sentence = `cannot reach ${context.address} ${what}`
    const isForbidden = context.isUnix && !isLate && /\bEACCES\b/.test(details)
    return new RpcError(StatusCode.UNAVAILABLE, sentence, { cause: failure, unreachable: true, isForbidden })
  }
  if (status === StatusCode.DEADLINE_EXCEEDED) {
    return new RpcError(status, `${context.address} did not answer in time`, { cause: failure })
  }
  if (outcome === 'lost') {
    const sentence = `the connection to ${context.address} was lost: try again`
    return new RpcError(status === StatusCode.INTERNAL ? StatusCode.UNAVAILABLE : status, sentence, {
      cause: failure,
    })
  }
  if (status === StatusCode.UNIMPLEMENTED && details === UNKNOWN_METHOD_DETAILS) {
    const sentence = `${context.address} does not know this call: is it the right program there, and not an older one?`
    return new RpcError(status, sentence, { cause: failure })
  }
  return new RpcError(
    status,
    details === '' ? `${context.address} answered with status ${status}` : details,
    { cause: failure, reference: trailerOf(failure, REFERENCE_TRAILER), remoteCode: errorCodeOf(failure) },
  )
}

function trailerOf({ metadata }: Failure, name: string): string | undefined {
  const [value] = metadata?.get(name) ?? []
  return typeof value === 'string' ? value : undefined
}

function errorCodeOf(failure: Failure): string | undefined {
  const code = trailerOf(failure, ERROR_CODE_TRAILER)
  return code !== undefined && /^ERR_[A-Z0-9_]{1,60}$/.test(code) ? code : undefined
}

function outcomeByWords(status: number, details: string): FailureContext['outcome'] {
  if (status === StatusCode.UNAVAILABLE && GRPC_WORDS.unreachable.test(details)) return 'unreachable'
  return GRPC_WORDS.lost.test(details) ? 'lost' : 'status'
}

/**
 * Describes how a network connection failed and where to look. An address that answered is not
 * blocked by a firewall, so it gets other advice.
 */
function networkFailure(details: string, lateAt: ConnectStage | undefined): string {
  if (lateAt !== undefined) {
    return `(${LATE[lateAt]}): ${lateAt === 'tcp' ? NETWORK_ADVICE : ANSWERED_ADVICE}`
  }
  const { text, answered } = connectReason(details)
  return `(${text}): ${answered ? ANSWERED_ADVICE : NETWORK_ADVICE}`
}

function unixAdvice(details: string): string {
  return systemCode(details) === 'EACCES'
    ? 'run this as the user of the program that serves it, or as root'
    : 'is the program that serves it running?'
}
