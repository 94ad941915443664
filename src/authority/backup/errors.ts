import { CodedError } from '../../foundation/errors.ts'

/** A backup cannot be made or restored in this way, or not now. */
export class BackupRefusedError extends CodedError {
  override readonly name = 'BackupRefusedError'
  readonly code = 'ERR_BACKUP_REFUSED'
  readonly kind = 'failed_precondition'
}

/** The directory is no complete backup of this trust domain. */
export class BackupInvalidError extends CodedError {
  override readonly name = 'BackupInvalidError'
  readonly code = 'ERR_BACKUP_INVALID'
  readonly kind = 'invalid_argument'
}
