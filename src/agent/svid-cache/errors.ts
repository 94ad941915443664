import { CodedError } from '../../foundation/errors.ts'

/** What the authority sent is not what was asked for, or nobody could validate it; it is never handed out. */
export class UnusableSvidError extends CodedError {
  override readonly name = 'UnusableSvidError'
  readonly code = 'ERR_SVID_UNUSABLE'
  readonly kind = 'internal'

  constructor(detail: string, options?: ErrorOptions) {
    super('the authority sent an unusable SVID', { ...options, detail })
  }
}
