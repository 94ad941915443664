import type { MessageKind } from '../entitlement/message.ts'
import type { FoundSecret } from './offer.ts'
import type { Secret } from './secret.ts'
import type { SecretNames } from './secret-names.ts'

/** What the requests of one stream have asked for, and what was sent for it: a state, without any I/O. */
export interface Subscription<Req> {
  readonly names: readonly string[]
  /** Everything that the caller may have, besides the names. */
  readonly isWildcard: boolean
  /** Of memory, for names: the client chooses how many and how long they are. */
  readonly keptBytes: number
  /** Takes a request in; true when there may be something to send for it. @throws InvalidSecretRequestError */
  hear(request: Req): boolean
  /** What to send now that this is what there is; undefined: the client has it all. What is returned counts as sent. */
  next(found: FoundSecret): SecretResponse | undefined
}

/** A response, encoded, and what is in it. */
export interface SecretResponse {
  readonly bytes: Buffer
  readonly secrets: readonly Secret[]
}

/** What a stream with this subscription follows: certificates are kept renewed only for whoever asks for one. */
export function kindOf({ names, isWildcard }: Subscription<never>, secrets: SecretNames): MessageKind {
  return isWildcard || names.some((name) => secrets.isSvid(name)) ? 'x509_svid' : 'x509_bundles'
}

/** xDS's name for everything. */
export const WILDCARD = '*'

/** A nonce nobody has seen before. */
export type MakeNonce = () => string
