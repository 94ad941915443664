import { CodedError } from '../../foundation/errors.ts'

/** A message of the sync stream is malformed; the stream is opened again. */
export class SyncInvalidError extends CodedError {
  override readonly name = 'SyncInvalidError'
  readonly code = 'ERR_SYNC_INVALID'
  readonly kind = 'internal'
}

/** The authority has been silent for too long; the stream is opened again. */
export class SyncSilentError extends CodedError {
  override readonly name = 'SyncSilentError'
  readonly code = 'ERR_SYNC_SILENT'
  readonly kind = 'unavailable'
}
