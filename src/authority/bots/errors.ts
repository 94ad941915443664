import { CodedError } from '../../foundation/errors.ts'

/**
 * The bot certificate is newer than the database, because the authority was restored from a backup
 * (decision 0013). Nothing is locked.
 */
export class GenerationAheadError extends CodedError {
  override readonly name = 'GenerationAheadError'
  readonly code = 'ERR_BOT_GENERATION_AHEAD'
  readonly kind = 'failed_precondition'
  override readonly reference: string

  constructor(reference: string) {
    super(
      `the authority was restored from a backup that does not know this bot certificate: join again with a new join token, reference ${reference}`,
      { reference },
    )
    this.reference = reference
  }
}

/** The bot certificate has expired; within the grace time it can only be renewed. */
export class BotCertificateExpiredError extends CodedError {
  override readonly name = 'BotCertificateExpiredError'
  readonly code = 'ERR_BOT_CERTIFICATE_EXPIRED'
  readonly kind = 'unauthenticated'
}
