import { CodedError } from '../../foundation/errors.ts'

/** The authority has said no, or cannot be the right one: asking again would change nothing. */
export class JoinRefusedError extends CodedError {
  override readonly name = 'JoinRefusedError'
  readonly code = 'ERR_JOIN_REFUSED'
  readonly kind = 'permission_denied'
}

/** No bot identity, and nothing to get one with. */
export class JoinSecretMissingError extends CodedError {
  override readonly name = 'JoinSecretMissingError'
  readonly code = 'ERR_JOIN_SECRET_MISSING'
  readonly kind = 'failed_precondition'
}

/** The authority challenges this agent in a way that its join method does not know: one of the two is of another version. */
export class JoinChallengeError extends CodedError {
  override readonly name = 'JoinChallengeError'
  readonly code = 'ERR_JOIN_CHALLENGE'
  readonly kind = 'internal'
}

/** What the authority sent is not the bot certificate that was asked for. */
export class BotCertificateInvalidError extends CodedError {
  override readonly name = 'BotCertificateInvalidError'
  readonly code = 'ERR_BOT_CERTIFICATE_INVALID'
  readonly kind = 'internal'
}
