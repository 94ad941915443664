import { CodedError } from '../../foundation/errors.ts'

/**
 * The authority sent an SVID that does not match the request or cannot be verified. The agent never
 * hands it out.
 */
export class UnusableSvidError extends CodedError {
  override readonly name = 'UnusableSvidError'
  readonly code = 'ERR_SVID_UNUSABLE'
  readonly kind = 'internal'

  constructor(detail: string, options?: ErrorOptions) {
    super('the authority sent an unusable SVID', { ...options, detail })
  }
}

/** The SVID is not valid by the clock of this host. This clock or the authority's is wrong. */
export class SvidNotValidNowError extends CodedError {
  override readonly name = 'SvidNotValidNowError'
  readonly code = 'ERR_SVID_NOT_VALID_NOW'
  readonly kind = 'unavailable'

  constructor(life: { readonly notBeforeMs: number; readonly notAfterMs: number }, hostTime: Date) {
    const [from, until] = [life.notBeforeMs, life.notAfterMs].map((ms) => new Date(ms).toISOString())
    super('no SVID is valid by the clock of this host, which may be wrong', {
      detail: `valid from ${from} until ${until}, and this host's clock says ${hostTime.toISOString()}`,
    })
  }
}
