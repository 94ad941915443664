import { CodedError } from '../../foundation/errors.ts'

/** A message of the sync stream is malformed. The agent opens the stream again. */
export class SyncInvalidError extends CodedError {
  override readonly name = 'SyncInvalidError'
  readonly code = 'ERR_SYNC_INVALID'
  readonly kind = 'internal'
}

/** The authority has sent nothing for too long. The agent opens the stream again. */
export class SyncSilentError extends CodedError {
  override readonly name = 'SyncSilentError'
  readonly code = 'ERR_SYNC_SILENT'
  readonly kind = 'unavailable'
}
