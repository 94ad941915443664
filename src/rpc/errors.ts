import { CodedError } from '../foundation/errors.ts'

/** The request is not what the method takes: no message, several, or bytes that are not the message. */
export class MalformedRequestError extends CodedError {
  override readonly name = 'MalformedRequestError'
  readonly code = 'ERR_RPC_REQUEST_MALFORMED'
  readonly kind = 'invalid_argument'
}

/** The bytes are not the message that they should be. */
export class MalformedMessageError extends CodedError {
  override readonly name = 'MalformedMessageError'
  readonly code = 'ERR_RPC_MESSAGE_MALFORMED'
  readonly kind = 'invalid_argument'
}

/** No such method here. */
export class UnknownMethodError extends CodedError {
  override readonly name = 'UnknownMethodError'
  readonly code = 'ERR_RPC_METHOD_UNKNOWN'
  readonly kind = 'unimplemented'
}

/** This side is ending the call; the other may come back. */
export class CallEndingError extends CodedError {
  override readonly name = 'CallEndingError'
  readonly code = 'ERR_RPC_ENDING'
  readonly kind = 'unavailable'
}

/** A connection, or its caller on all of its connections, has as many calls open as it may. */
export class TooManyCallsError extends CodedError {
  override readonly name = 'TooManyCallsError'
  readonly code = 'ERR_RPC_TOO_MANY_CALLS'
  readonly kind = 'unavailable'
}

/** A stream sends requests faster than anybody answers them. */
export class TooManyRequestsError extends CodedError {
  override readonly name = 'TooManyRequestsError'
  readonly code = 'ERR_RPC_TOO_MANY_REQUESTS'
  readonly kind = 'resource_exhausted'
}

/** A call on which both sides speak in turn has more messages, more bytes or more time than its method allows. */
export class ConversationTooLongError extends CodedError {
  override readonly name = 'ConversationTooLongError'
  readonly code = 'ERR_RPC_CONVERSATION_TOO_LONG'
  readonly kind = 'unavailable'
}

/** A connection, its caller or all callers together make this program hold more than it gives room to, and this call holds most of it. */
export class TooManyBytesError extends CodedError {
  override readonly name = 'TooManyBytesError'
  readonly code = 'ERR_RPC_TOO_MANY_BYTES'
  readonly kind = 'resource_exhausted'
}

/** This Node lacks what its HTTP/2 server needs to be safe in this program. */
export class NodeUnsupportedError extends CodedError {
  override readonly name = 'NodeUnsupportedError'
  readonly code = 'ERR_RPC_NODE_UNSUPPORTED'
  readonly kind = 'failed_precondition'
}
