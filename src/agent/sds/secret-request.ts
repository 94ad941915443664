import type { Node__Output } from '../../rpc/gen/envoy/config/core/v3/Node.ts'
import type { Status__Output } from '../../rpc/gen/google/rpc/Status.ts'
import { InvalidSecretRequestError } from './errors.ts'
import { SECRET_TYPE_URL } from './secret.ts'

/** What every request of xDS has. */
export interface SecretRequest {
  readonly node: Node__Output | null
  readonly typeUrl: string
  readonly errorDetail: Status__Output | null
}

/** Tools leave the type out; another type is meant for another server. @throws InvalidSecretRequestError */
export function checkTypeUrl(typeUrl: string): void {
  if (typeUrl === '' || typeUrl === SECRET_TYPE_URL) return
  throw new InvalidSecretRequestError('only resources of the type Secret (v3) are served here')
}
