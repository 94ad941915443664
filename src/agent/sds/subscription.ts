import type { MessageKind } from '../entitlement/message.ts'
import type { FoundSecret } from './offer.ts'
import type { Secret } from './secret.ts'
import type { SecretNames } from './secret-names.ts'

/** The state of one stream: what its requests have asked for and what was sent. Does no I/O. */
export interface Subscription<Req> {
  readonly names: readonly string[]
  /** True if the client also wants everything that the caller may have. */
  readonly isWildcard: boolean
  /** The memory that kept names take, in bytes. The client chooses their number and length. */
  readonly keptBytes: number
  /**
   * Processes a request. Returns true if there may be something to send. @throws
   * InvalidSecretRequestError
   */
  hear(request: Req): boolean
  /**
   * The next response, given what is available; undefined if the client has everything. It counts
   * as sent.
   */
  next(found: FoundSecret): SecretResponse | undefined
}

/** An encoded response and the secrets in it. */
export interface SecretResponse {
  readonly bytes: Buffer
  readonly secrets: readonly Secret[]
}

/**
 * What a stream with this subscription follows. SVIDs are kept renewed only for streams that ask
 * for one.
 */
export function kindOf({ names, isWildcard }: Subscription<never>, secrets: SecretNames): MessageKind {
  return isWildcard || names.some((name) => secrets.isSvid(name)) ? 'x509_svid' : 'x509_bundles'
}

/** The name that means every resource in xDS. */
export const WILDCARD = '*'

/** Makes a fresh nonce. */
export type MakeNonce = () => string
