import { CodedError } from '../foundation/errors.ts'

/** The request has no message, more than one, or bytes that do not decode as the expected message. */
export class MalformedRequestError extends CodedError {
  override readonly name = 'MalformedRequestError'
  readonly code = 'ERR_RPC_REQUEST_MALFORMED'
  readonly kind = 'invalid_argument'
}

/** The bytes do not decode as the expected message. */
export class MalformedMessageError extends CodedError {
  override readonly name = 'MalformedMessageError'
  readonly code = 'ERR_RPC_MESSAGE_MALFORMED'
  readonly kind = 'invalid_argument'
}

/** The server has no such method. */
export class UnknownMethodError extends CodedError {
  override readonly name = 'UnknownMethodError'
  readonly code = 'ERR_RPC_METHOD_UNKNOWN'
  readonly kind = 'unimplemented'
}

/** The server is stopping or ends this call; the caller may try again. */
export class CallEndingError extends CodedError {
  override readonly name = 'CallEndingError'
  readonly code = 'ERR_RPC_ENDING'
  readonly kind = 'unavailable'
}

/** The connection or its caller already has the maximum number of open calls. */
export class TooManyCallsError extends CodedError {
  override readonly name = 'TooManyCallsError'
  readonly code = 'ERR_RPC_TOO_MANY_CALLS'
  readonly kind = 'unavailable'
}

/** The client sends requests on the stream faster than it reads the responses. */
export class TooManyRequestsError extends CodedError {
  override readonly name = 'TooManyRequestsError'
  readonly code = 'ERR_RPC_TOO_MANY_REQUESTS'
  readonly kind = 'resource_exhausted'
}

/** The call exceeds the number of messages, the bytes or the time that its method allows. */
export class ConversationTooLongError extends CodedError {
  override readonly name = 'ConversationTooLongError'
  readonly code = 'ERR_RPC_CONVERSATION_TOO_LONG'
  readonly kind = 'unavailable'
}

/**
 * Too many bytes are held for this connection, for its caller or in total; the calls that hold most
 * are ended.
 */
export class TooManyBytesError extends CodedError {
  override readonly name = 'TooManyBytesError'
  readonly code = 'ERR_RPC_TOO_MANY_BYTES'
  readonly kind = 'resource_exhausted'
}

/** This version of Node lacks what a safe HTTP/2 server needs. */
export class NodeUnsupportedError extends CodedError {
  override readonly name = 'NodeUnsupportedError'
  readonly code = 'ERR_RPC_NODE_UNSUPPORTED'
  readonly kind = 'failed_precondition'
}
