import { CodedError } from '../../foundation/errors.ts'

/** The database could not store the change; no part of it was kept. */
export class DatastoreUnavailableError extends CodedError {
  override readonly name = 'DatastoreUnavailableError'
  readonly code = 'ERR_DATASTORE_UNAVAILABLE'
  readonly kind = 'unavailable'
}

/** The file is not a database that this program may open. */
export class DatastoreInvalidError extends CodedError {
  override readonly name = 'DatastoreInvalidError'
  readonly code = 'ERR_DATASTORE_INVALID'
  readonly kind = 'failed_precondition'
}

/**
 * A newer version of Signet has written to the database, and this version must not change what it
 * does not understand.
 */
export class SchemaTooNewError extends CodedError {
  override readonly name = 'SchemaTooNewError'
  readonly code = 'ERR_DATASTORE_SCHEMA_TOO_NEW'
  readonly kind = 'failed_precondition'
}

/** The database is not as this authority left it, and going on with it would not be safe. */
export class DatastoreAlteredError extends CodedError {
  override readonly name = 'DatastoreAlteredError'
  readonly code = 'ERR_DATASTORE_ALTERED'
  readonly kind = 'failed_precondition'
}

/**
 * The same thing was changed by somebody else first, so this change was not stored. Read again and
 * decide again.
 */
export class RevisionConflictError extends CodedError {
  override readonly name = 'RevisionConflictError'
  readonly code = 'ERR_DATASTORE_REVISION_CONFLICT'
  readonly kind = 'unavailable'

  /** `what` names it: `lock lost-laptop`. */
  constructor(what: string) {
    super(`${what} was changed meanwhile: try again`)
  }
}

/** Another program altered rows of the running authority's database, and the request depends on them. */
export class RowsAlteredError extends CodedError {
  override readonly name = 'RowsAlteredError'
  readonly code = 'ERR_DATASTORE_ROWS_ALTERED'
  readonly kind = 'unavailable'

  /** `reason` goes to the log only, because anybody may ask. */
  constructor(reason: string) {
    super('the authority cannot change this now: its log says why', { detail: reason })
  }
}

/**
 * SQLite's primary result codes (https://sqlite.org/rescode.html) for failures of the storage rather
 * than of the statement.
 */
const STORAGE_FAILURES: ReadonlyMap<number, string> = new Map([
  [5, 'the database is locked by another process; stop it'],
  [6, 'the database is locked by another process; stop it'],
  [7, 'out of memory'],
  [8, 'the database is read-only; make its directory and files writable for the authority'],
  [10, 'reading or writing the disk failed; look at the disk, its quota and the kernel log'],
  [11, 'the database file is damaged; restore it from a backup'],
  [13, 'the disk is full; make room in the data directory'],
  [14, 'the database file cannot be opened; check the data directory and its owner'],
  [26, 'the file is not a database; restore it from a backup'],
])

/** The error to report when `thrown` is a failure of the storage; otherwise undefined. */
export function storageFailure(thrown: unknown): DatastoreUnavailableError | undefined {
  if (thrown instanceof DatastoreUnavailableError) return thrown
  const errcode = (thrown as { errcode?: unknown } | null)?.errcode
  const reason = typeof errcode === 'number' ? STORAGE_FAILURES.get(errcode & 0xff) : undefined
  if (reason === undefined) return undefined
  return new DatastoreUnavailableError(`the authority cannot store anything now: ${reason}`, {
    cause: thrown,
  })
}

/** The database was made with another key-encryption key. */
export class WrongSealingKeyError extends CodedError {
  override readonly name = 'WrongSealingKeyError'
  readonly code = 'ERR_CA_WRONG_SEALING_KEY'
  readonly kind = 'failed_precondition'
}

/** The database belongs to another trust domain than the configuration names. */
export class WrongTrustDomainError extends CodedError {
  override readonly name = 'WrongTrustDomainError'
  readonly code = 'ERR_CA_WRONG_TRUST_DOMAIN'
  readonly kind = 'failed_precondition'
}
