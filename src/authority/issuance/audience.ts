import { CodedError } from '../../foundation/errors.ts'

/** Audiences for which the configuration names different algorithms: no token can be for all of them. */
export class MixedAudienceError extends CodedError {
  override readonly name = 'MixedAudienceError'
  readonly code = 'ERR_ISSUANCE_AUDIENCES_MIXED'
  readonly kind = 'invalid_argument'

  constructor() {
    super('tokens for these audiences are signed with different algorithms: ask for one at a time')
  }
}

const MOST = 32
const LONGEST_BYTES = 1024
/** Each audit row holds them all. */
const LONGEST_IN_ALL_BYTES = 4096

/**
 * Why these audiences cannot be had, or undefined: they can. The token carries exactly what was asked for, in that order. Names that
 * Signet's own services go by are not for workloads (design 16): a token made for one would be taken by the other.
 */
export function refuseAudience(audience: readonly string[], trustDomain: string): string | undefined {
  if (audience.length === 0) return 'no audience'
  if (audience.length > MOST) return `more than ${MOST} audiences`
  for (const one of audience) {
    if (one === '') return 'an empty audience'
    if (Buffer.byteLength(one) > LONGEST_BYTES) return `an audience of more than ${LONGEST_BYTES} bytes`
    if (isReserved(one, trustDomain)) return `the audience ${JSON.stringify(one)} is reserved`
  }
  const bytes = audience.reduce((sum, one) => sum + Buffer.byteLength(one), 0)
  if (bytes > LONGEST_IN_ALL_BYTES) return `more than ${LONGEST_IN_ALL_BYTES} bytes of audiences`
  return undefined
}

function isReserved(audience: string, trustDomain: string): boolean {
  const name = audience.toLowerCase()
  if (/^signet(?:[:/.].*)?$/s.test(name)) return true
  const host = name.replace(/^[a-z][a-z0-9+.-]*:\/\//, '').split(/[:/?#]/, 1)[0]
  return host === `authority.${trustDomain}`
}
