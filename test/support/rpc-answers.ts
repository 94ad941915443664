import { CodedError } from '../../src/foundation/errors.ts'
import { encodeMessage } from '../../src/rpc/services.ts'

export class NotYoursError extends CodedError {
  override readonly name = 'NotYoursError'
  readonly code = 'ERR_TEST_NOT_YOURS'
  readonly kind = 'permission_denied'
}

export const JWT = '/SpiffeWorkloadAPI/FetchJWTSVID'

export const X509 = '/SpiffeWorkloadAPI/FetchX509SVID'

export const answer = (svid: string): Buffer => encodeMessage('JWTSVIDResponse', { svids: [{ svid }] })

export const nothing: Disposable = { [Symbol.dispose]: () => {} }

export interface Answer {
  readonly svids: readonly { readonly svid: string }[]
}
