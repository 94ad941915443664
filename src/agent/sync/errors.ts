import { CodedError } from '../../foundation/errors.ts'

/** What came over the sync stream does not make sense; the stream is opened again. */
export class SyncInvalidError extends CodedError {
  override readonly name = 'SyncInvalidError'
  readonly code = 'ERR_SYNC_INVALID'
  readonly kind = 'internal'
}

/** The agent has not heard from the authority for longer than the authority ever is silent. */
export class SyncSilentError extends CodedError {
  override readonly name = 'SyncSilentError'
  readonly code = 'ERR_SYNC_SILENT'
  readonly kind = 'unavailable'
}
