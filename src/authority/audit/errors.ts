import { CodedError } from '../../foundation/errors.ts'

/**
 * The authority refuses the caller, who gets a reference under which the operator finds the
 * reason in the audit log.
 */
export class RefusedError extends CodedError {
  override readonly name = 'RefusedError'
  readonly code = 'ERR_REFUSED'
  readonly kind = 'permission_denied'
  override readonly reference: string

  /** The reason, which stays in the log. */
  constructor(reference: string, reason: string) {
    super(`refused, reference ${reference}`, { detail: reason, reference })
    this.reference = reference
  }
}

/** The file of signed heads of the audit log, or the key that signs them, cannot be used. */
export class AuditHeadsInvalidError extends CodedError {
  override readonly name = 'AuditHeadsInvalidError'
  readonly code = 'ERR_AUDIT_HEADS_INVALID'
  readonly kind = 'failed_precondition'
}

/** The file is no archive of the audit log, or is not complete. */
export class AuditArchiveInvalidError extends CodedError {
  override readonly name = 'AuditArchiveInvalidError'
  readonly code = 'ERR_AUDIT_ARCHIVE_INVALID'
  readonly kind = 'invalid_argument'
}

/** The audit log cannot be archived now. */
export class AuditArchiveRefusedError extends CodedError {
  override readonly name = 'AuditArchiveRefusedError'
  readonly code = 'ERR_AUDIT_ARCHIVE_REFUSED'
  readonly kind = 'failed_precondition'
}

/** The audit log has no SVID with this serial number or `jti`. */
export class SvidUnknownError extends CodedError {
  override readonly name = 'SvidUnknownError'
  readonly code = 'ERR_AUDIT_SVID_UNKNOWN'
  readonly kind = 'not_found'
}

/** No event of the audit log has this name. */
export class AuditEventUnknownError extends CodedError {
  override readonly name = 'AuditEventUnknownError'
  readonly code = 'ERR_AUDIT_EVENT_UNKNOWN'
  readonly kind = 'invalid_argument'
}
