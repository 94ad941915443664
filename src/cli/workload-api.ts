import type { RpcCalls } from '../rpc/calls.ts'
import type { JWTBundlesResponse__Output } from '../rpc/gen/JWTBundlesResponse.ts'
import type { JWTSVIDResponse__Output } from '../rpc/gen/JWTSVIDResponse.ts'
import type { X509BundlesResponse__Output } from '../rpc/gen/X509BundlesResponse.ts'
import type { X509SVIDResponse__Output } from '../rpc/gen/X509SVIDResponse.ts'
import { NothingThereError } from './errors.ts'

/** Calls of the Workload API, as a workload makes them. */

const SERVICE = 'SpiffeWorkloadAPI'

export function watchX509Svids(
  client: RpcCalls,
  signal?: AbortSignal,
): AsyncGenerator<X509SVIDResponse__Output> {
  return client.stream(SERVICE, 'FetchX509SVID', {}, signal ? { signal } : {})
}

export async function fetchX509Svids(client: RpcCalls): Promise<X509SVIDResponse__Output> {
  return first(watchX509Svids(client))
}

export async function fetchX509Bundles(client: RpcCalls): Promise<X509BundlesResponse__Output> {
  return first(client.stream<object, X509BundlesResponse__Output>(SERVICE, 'FetchX509Bundles', {}))
}

export async function fetchJwtBundles(client: RpcCalls): Promise<JWTBundlesResponse__Output> {
  return first(client.stream<object, JWTBundlesResponse__Output>(SERVICE, 'FetchJWTBundles', {}))
}

export async function fetchJwtSvids(
  client: RpcCalls,
  request: { readonly audience: readonly string[]; readonly spiffeId?: string },
): Promise<JWTSVIDResponse__Output> {
  return client.unary(SERVICE, 'FetchJWTSVID', {
    audience: request.audience,
    spiffeId: request.spiffeId ?? '',
  })
}

/** @throws RpcError of kind invalid_argument for a token that is not valid */
export async function validateJwtSvid(
  client: RpcCalls,
  request: { readonly audience: string; readonly svid: string },
): Promise<void> {
  await client.unary(SERVICE, 'ValidateJWTSVID', request)
}

async function first<T>(stream: AsyncGenerator<T>): Promise<T> {
  for await (const message of stream) return message
  throw new NothingThereError('the Workload API ended the stream without a message')
}
