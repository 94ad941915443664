import { CodedError } from '../foundation/errors.ts'

/** The table says that this caller may not call this method. */
export class NotAuthorizedError extends CodedError {
  override readonly name = 'NotAuthorizedError'
  readonly code = 'ERR_AUTHORITY_NOT_AUTHORIZED'
  readonly kind = 'permission_denied'
}

/** The method is for bots, and the connection shows no bot certificate, or one that has expired. */
export class BotCertificateRequiredError extends CodedError {
  override readonly name = 'BotCertificateRequiredError'
  readonly code = 'ERR_AUTHORITY_BOT_CERTIFICATE_REQUIRED'
  readonly kind = 'unauthenticated'
}

/** A certificate of our control CA that is not a bot's. */
export class ForeignCertificateError extends CodedError {
  override readonly name = 'ForeignCertificateError'
  readonly code = 'ERR_AUTHORITY_FOREIGN_CERTIFICATE'
  readonly kind = 'unauthenticated'
}

/** The connection has come to its certificate's end; the agent comes back with a newer one. */
export class ConnectionExpiredError extends CodedError {
  override readonly name = 'ConnectionExpiredError'
  readonly code = 'ERR_AUTHORITY_CONNECTION_EXPIRED'
  readonly kind = 'unavailable'
}

/** The data directory is in use by another process. */
export class AuthorityRunningError extends CodedError {
  override readonly name = 'AuthorityRunningError'
  readonly code = 'ERR_AUTHORITY_RUNNING'
  readonly kind = 'failed_precondition'
}

/** There are more connections than there is room for, and this one goes. */
export class TooManyConnectionsError extends CodedError {
  override readonly name = 'TooManyConnectionsError'
  readonly code = 'ERR_AUTHORITY_TOO_MANY_CONNECTIONS'
  readonly kind = 'unavailable'
}

/** The bot instance has come again on another connection or stream, which takes the place of this one. */
export class ReplacedByNewerError extends CodedError {
  override readonly name = 'ReplacedByNewerError'
  readonly code = 'ERR_AUTHORITY_REPLACED_BY_NEWER'
  readonly kind = 'unavailable'
}
