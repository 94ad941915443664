import { CodedError } from '../foundation/errors.ts'

/** The request has no message, several, or bytes that are not the expected message. */
export class MalformedRequestError extends CodedError {
  override readonly name = 'MalformedRequestError'
  readonly code = 'ERR_RPC_REQUEST_MALFORMED'
  readonly kind = 'invalid_argument'
}

/** The bytes are not the expected message. */
export class MalformedMessageError extends CodedError {
  override readonly name = 'MalformedMessageError'
  readonly code = 'ERR_RPC_MESSAGE_MALFORMED'
  readonly kind = 'invalid_argument'
}

/** There is no such method. */
export class UnknownMethodError extends CodedError {
  override readonly name = 'UnknownMethodError'
  readonly code = 'ERR_RPC_METHOD_UNKNOWN'
  readonly kind = 'unimplemented'
}

/** The program is stopping, or ends this call; the caller may try again. */
export class CallEndingError extends CodedError {
  override readonly name = 'CallEndingError'
  readonly code = 'ERR_RPC_ENDING'
  readonly kind = 'unavailable'
}

/** The connection, or its caller, has as many open calls as allowed. */
export class TooManyCallsError extends CodedError {
  override readonly name = 'TooManyCallsError'
  readonly code = 'ERR_RPC_TOO_MANY_CALLS'
  readonly kind = 'unavailable'
}

/** The stream sends requests faster than they are answered. */
export class TooManyRequestsError extends CodedError {
  override readonly name = 'TooManyRequestsError'
  readonly code = 'ERR_RPC_TOO_MANY_REQUESTS'
  readonly kind = 'resource_exhausted'
}

/** The call has more messages, more bytes or more time than its method allows. */
export class ConversationTooLongError extends CodedError {
  override readonly name = 'ConversationTooLongError'
  readonly code = 'ERR_RPC_CONVERSATION_TOO_LONG'
  readonly kind = 'unavailable'
}

/**
 * Too many bytes of requests are held for this connection, its caller or in all, and this call holds most of
 * them.
 */
export class TooManyBytesError extends CodedError {
  override readonly name = 'TooManyBytesError'
  readonly code = 'ERR_RPC_TOO_MANY_BYTES'
  readonly kind = 'resource_exhausted'
}

/** This Node lacks what a safe HTTP/2 server needs. */
export class NodeUnsupportedError extends CodedError {
  override readonly name = 'NodeUnsupportedError'
  readonly code = 'ERR_RPC_NODE_UNSUPPORTED'
  readonly kind = 'failed_precondition'
}
