import { messageOf } from '../foundation/errors.ts'

/** What a failed connection shows about the other end. */
interface ConnectReason {
  readonly text: string
  /** Something answered at the address, so no firewall blocks it. */
  readonly answered?: true
}

const NOT_PINNED: ConnectReason = { text: 'its certificate does not lead to a pinned root' }
const NOT_NOW: ConnectReason = { text: 'its certificate is not valid now; check both clocks' }
const NO_TLS: ConnectReason = { text: 'it does not speak TLS 1.3' }
const CLOSED_EARLY: ConnectReason = {
  text: 'it took the connection and closed it before TLS was done',
  answered: true,
}
const CLOSED_LATE: ConnectReason = {
  text: 'it agreed on TLS and closed the connection before any call',
  answered: true,
}

/** By the code of a failed TLS handshake: Node's, or OpenSSL's as Node spells it. */
const HANDSHAKE: Readonly<Record<string, ConnectReason>> = {
  SELF_SIGNED_CERT_IN_CHAIN: NOT_PINNED,
  DEPTH_ZERO_SELF_SIGNED_CERT: NOT_PINNED,
  UNABLE_TO_GET_ISSUER_CERT: NOT_PINNED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_PINNED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_PINNED,
  ERR_TLS_CERT_ALTNAME_INVALID: { text: 'its certificate is for another name' },
  CERT_HAS_EXPIRED: NOT_NOW,
  CERT_NOT_YET_VALID: NOT_NOW,
  INVALID_PURPOSE: { text: 'its certificate is not one of a server' },
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: NO_TLS,
  EPROTO: NO_TLS,
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: { text: 'it speaks TLS, but not HTTP/2', answered: true },
  ECONNRESET: CLOSED_EARLY,
  EPIPE: CLOSED_EARLY,
}

/** By the code of the operating system or of the resolver, before TLS. */
const SYSTEM: Readonly<Record<string, ConnectReason>> = {
  ECONNREFUSED: { text: 'refused' },
  ENOENT: { text: 'no such socket' },
  EACCES: { text: 'no permission to use the socket' },
  ENOTFOUND: { text: 'unknown host name' },
  EAI_AGAIN: { text: 'name resolution failed' },
  ECONNRESET: CLOSED_EARLY,
  EPIPE: CLOSED_EARLY,
  ETIMEDOUT: { text: 'timeout' },
  EHOSTUNREACH: { text: 'no route to host' },
  ENETUNREACH: { text: 'network unreachable' },
  ENOTSOCK: { text: 'not a socket' },
}

/**
 * What grpc-js says only in words. An integration test brings about each of these, so that a new
 * release of grpc-js that says it differently fails there.
 */
export const GRPC_WORDS = {
  /** The connection failed, rather than a call on it. */
  unreachable: /^No connection established|^Name resolution failed/,
  /** The connection ended during a call. */
  lost: /Connection dropped|^Received RST_STREAM|ECONNRESET|EPIPE/,
  /** The connection ended after TLS and before HTTP/2 had begun. */
  closedAfterTls: /Last error: (?:Failed to connect|read ECONNRESET) \(/,
} as const

const HANDSHAKE_CODE = /\[tls:(\w+)\]/
const SYSTEM_CODE = /\b(E[A-Z]{4,}|EAI_AGAIN)\b/

/**
 * Puts the code of a failed TLS handshake in front of the error's text, because the text is all that
 * grpc-js passes on.
 */
export function handshakeText(error: unknown): string {
  return `[tls:${codeOf(error) ?? ''}] ${messageOf(error)}`
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Why a connection failed, by the details of grpc-js or those of `handshakeText`. */
export function connectReason(details: string): ConnectReason {
  const handshake = HANDSHAKE_CODE.exec(details)?.[1]
  if (handshake !== undefined) return HANDSHAKE[handshake] ?? { text: handshake }
  if (GRPC_WORDS.closedAfterTls.test(details)) return CLOSED_LATE
  const code = systemCode(details)
  return code === undefined ? { text: 'no connection' } : (SYSTEM[code] ?? { text: code })
}

/** The system error in a text of Node, such as `connect ECONNREFUSED 192.0.2.1:7443`. */
export function systemCode(details: string): string | undefined {
  return SYSTEM_CODE.exec(details)?.[1]
}
