import type { Node__Output } from '../../rpc/gen/envoy/config/core/v3/Node.ts'
import type { Status__Output } from '../../rpc/gen/google/rpc/Status.ts'
import { InvalidSecretRequestError } from './errors.ts'
import { SECRET_TYPE_URL } from './secret.ts'

/** The fields that every xDS request has. */
export interface SecretRequest {
  readonly node: Node__Output | null
  readonly typeUrl: string
  readonly errorDetail: Status__Output | null
}

/**
 * Checks the resource type. Tools may leave it empty. @throws InvalidSecretRequestError for any
 * other type
 */
export function checkTypeUrl(typeUrl: string): void {
  if (typeUrl === '' || typeUrl === SECRET_TYPE_URL) return
  throw new InvalidSecretRequestError('only resources of the type Secret (v3) are served here')
}
