import { REFERENCE_TRAILER, RpcError, StatusCode } from './status.ts'

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
  /** How far a network connection had come. */
  readonly stage?: ConnectStage
}

/** How far a connection has come: waiting for TCP, in the TLS handshake, or waiting for HTTP/2. */
export type ConnectStage = 'tcp' | 'tls' | 'http2'

/** The texts with which grpc-js reports a failed connection rather than a failed call. */
const NO_CONNECTION = /No connection established|socket hang up|Name resolution failed|Failed to connect/
/** The details with which a Signet server answers an unknown method. */
const UNKNOWN_METHOD = 'unknown method'
const SYSTEM_ERROR = /\b(E[A-Z]{4,})\b/

/** Readable texts for system error codes. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused',
  ENOENT: 'no such socket',
  EACCES: 'no permission to use the socket',
  ENOTFOUND: 'unknown host name',
  EAI_AGAIN: 'name resolution failed',
  ECONNRESET: 'connection reset',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  ENOTSOCK: 'not a socket',
}

/** Messages of OpenSSL and Node about a server's certificate, and what the user is shown for each. */
const TLS_FAILURES: readonly { readonly pattern: RegExp; readonly text: string }[] = [
  {
    pattern: /self-signed certificate|unable to (?:get|verify)|unknown ca/i,
    text: 'its certificate does not lead to a pinned root',
  },
  { pattern: /altname|Hostname\/IP does not match/i, text: 'its certificate is for another name' },
  {
    pattern: /certificate has expired|certificate is not yet valid/i,
    text: 'its certificate is not valid now; check both clocks',
  },
  {
    pattern: /unsuitable certificate purpose|unsupported certificate purpose/i,
    text: 'its certificate is not one of a server',
  },
  {
    pattern: /wrong version number|packet length too long|protocol version|EPROTO/i,
    text: 'it does not speak TLS 1.3',
  },
]

/** Messages of Node and grpc-js for a connection that the other end closed during setup. */
const CLOSED: readonly { readonly pattern: RegExp; readonly text: string }[] = [
  { pattern: /no application protocol/i, text: 'it speaks TLS, but not HTTP/2' },
  {
    pattern: /disconnected before secure TLS|connect (?:ECONNRESET|EPIPE)/,
    text: 'it took the connection and closed it before TLS was done',
  },
  {
    pattern: /Failed to connect \(|read ECONNRESET/,
    text: 'it agreed on TLS and closed the connection before any call',
  },
]
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
  const unconnected =
    context.timedOut ||
    (status === StatusCode.UNAVAILABLE && NO_CONNECTION.test(details)) ||
    (status === StatusCode.DEADLINE_EXCEEDED && context.state !== 'ready')
  if (unconnected) {
    const isLate = context.timedOut || status === StatusCode.DEADLINE_EXCEEDED
    const what = context.isUnix
      ? `(${isLate ? 'timeout' : reasonOf(details)}): ${unixAdvice(details)}`
      : networkFailure(details, isLate ? (context.stage ?? 'tcp') : undefined)
    const sentence = `cannot reach ${context.address} ${what}`
    return new RpcError(StatusCode.UNAVAILABLE, sentence, { cause: failure, unreachable: true })
  }
  if (status === StatusCode.DEADLINE_EXCEEDED) {
    return new RpcError(status, `${context.address} did not answer in time`, { cause: failure })
  }
  if (
    /Connection dropped|Session closed with error|ECONNRESET|ECONNABORTED|EPIPE|goaway|RST_STREAM|Stream removed|Call ended without/i.test(
      details,
    )
  ) {
    const sentence = `the connection to ${context.address} was lost: try again`
    return new RpcError(status === StatusCode.INTERNAL ? StatusCode.UNAVAILABLE : status, sentence, {
      cause: failure,
    })
  }
  if (status === StatusCode.UNIMPLEMENTED && details === UNKNOWN_METHOD) {
    const sentence = `${context.address} does not know this call: is it the right program there, and not an older one?`
    return new RpcError(status, sentence, { cause: failure })
  }
  return new RpcError(
    status,
    details === '' ? `${context.address} answered with status ${status}` : details,
    { cause: failure, reference: referenceOf(failure) },
  )
}

function referenceOf({ metadata }: Failure): string | undefined {
  const [reference] = metadata?.get(REFERENCE_TRAILER) ?? []
  return typeof reference === 'string' ? reference : undefined
}

/**
 * Describes how a network connection failed and where to look. An address that answered is not
 * blocked by a firewall, so it gets other advice.
 */
function networkFailure(details: string, lateAt: ConnectStage | undefined): string {
  if (lateAt !== undefined) {
    return `(${LATE[lateAt]}): ${lateAt === 'tcp' ? NETWORK_ADVICE : ANSWERED_ADVICE}`
  }
  const closed = CLOSED.find(({ pattern }) => pattern.test(details))
  return closed ? `(${closed.text}): ${ANSWERED_ADVICE}` : `(${reasonOf(details)}): ${NETWORK_ADVICE}`
}

function unixAdvice(details: string): string {
  return /\bEACCES\b/.test(details)
    ? 'run this as the user of the program that serves it, or as root'
    : 'is the program that serves it running?'
}

function reasonOf(details: string): string {
  const tls = TLS_FAILURES.find(({ pattern }) => pattern.test(details))
  if (tls !== undefined) return tls.text
  const code = SYSTEM_ERROR.exec(details)?.[1] ?? ''
  return REASONS[code] ?? (code === '' ? 'no connection' : code)
}
