import { CodedError } from '../../foundation/errors.ts'

/** The authority refused the join, or is not the one that the pin names. A retry would not help. */
export class JoinRefusedError extends CodedError {
  override readonly name = 'JoinRefusedError'
  readonly code = 'ERR_JOIN_REFUSED'
  readonly kind = 'permission_denied'
}

/** The agent has no bot identity and no join secret to obtain one. */
export class JoinSecretMissingError extends CodedError {
  override readonly name = 'JoinSecretMissingError'
  readonly code = 'ERR_JOIN_SECRET_MISSING'
  readonly kind = 'failed_precondition'
}

/**
 * The authority sent a challenge that the agent's join method does not support. The two are of
 * different versions.
 */
export class JoinChallengeError extends CodedError {
  override readonly name = 'JoinChallengeError'
  readonly code = 'ERR_JOIN_CHALLENGE'
  readonly kind = 'internal'
}

/** The authority's response is not the requested bot certificate. */
export class BotCertificateInvalidError extends CodedError {
  override readonly name = 'BotCertificateInvalidError'
  readonly code = 'ERR_BOT_CERTIFICATE_INVALID'
  readonly kind = 'internal'
}
