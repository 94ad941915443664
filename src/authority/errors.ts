import { CodedError } from '../foundation/errors.ts'

/** This caller may not call this method. */
export class NotAuthorizedError extends CodedError {
  override readonly name = 'NotAuthorizedError'
  readonly code = 'ERR_AUTHORITY_NOT_AUTHORIZED'
  readonly kind = 'permission_denied'
}

/** The method is for bots, and the connection shows no valid bot certificate. */
export class BotCertificateRequiredError extends CodedError {
  override readonly name = 'BotCertificateRequiredError'
  readonly code = 'ERR_AUTHORITY_BOT_CERTIFICATE_REQUIRED'
  readonly kind = 'unauthenticated'
}

/** The control CA of this authority issued the certificate, but not to a bot. */
export class ForeignCertificateError extends CodedError {
  override readonly name = 'ForeignCertificateError'
  readonly code = 'ERR_AUTHORITY_FOREIGN_CERTIFICATE'
  readonly kind = 'unauthenticated'
}

/** The certificate of the connection has expired or was replaced; the agent reconnects with a newer one. */
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

/** The authority has no room for this connection. */
export class TooManyConnectionsError extends CodedError {
  override readonly name = 'TooManyConnectionsError'
  readonly code = 'ERR_AUTHORITY_TOO_MANY_CONNECTIONS'
  readonly kind = 'unavailable'
}

/** A newer connection or stream of the same bot instance has replaced this one. */
export class ReplacedByNewerError extends CodedError {
  override readonly name = 'ReplacedByNewerError'
  readonly code = 'ERR_AUTHORITY_REPLACED_BY_NEWER'
  readonly kind = 'unavailable'
}
