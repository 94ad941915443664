import type { Serving } from './serving.ts'
import type { WorkloadClient } from './workload-client.ts'

export const UID = process.getuid?.() ?? 0

export const OTHER_UID = 54_321

export const ID = 'spiffe://example.org/web'

export const WEB = { spiffe_id: '/web', allow: [{ match: { 'workload.unix.uid': UID } }] }

export const SHOP = { ...WEB, spiffe_id: '/shop' }

export const NOBODY = { spiffe_id: '/nobody', allow: [{ match: { 'workload.unix.uid': 4242 } }] }

export const INVALID_ARGUMENT = 3

export const PERMISSION_DENIED = 7

export const UNIMPLEMENTED = 12

export const UNAVAILABLE = 14

export const REQUESTS: Readonly<Record<string, object>> = {
  FetchX509SVID: {},
  FetchX509Bundles: {},
  FetchJWTBundles: {},
  FetchJWTSVID: { audience: ['a'] },
  ValidateJWTSVID: { audience: 'a', svid: 'x' },
  FetchWITSVID: {},
  FetchWITBundles: {},
}

const STREAMS = ['FetchX509SVID', 'FetchX509Bundles', 'FetchJWTBundles', 'FetchWITSVID', 'FetchWITBundles']

export async function answer(
  client: WorkloadClient,
  method: string,
  metadata?: Record<string, string | readonly string[]>,
) {
  const request = REQUESTS[method] ?? {}
  const options = metadata ? { metadata } : {}
  return STREAMS.includes(method)
    ? client.first(method, request, options)
    : client.unary(method, request, options)
}

export async function eventually(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5))
}

export function failFor(identity: string) {
  return (issuer: Serving['issuer']): void => {
    issuer.fails = ({ workloadIdentity }) =>
      workloadIdentity === identity ? new TypeError('unreachable') : undefined
  }
}
