import assert from 'node:assert/strict'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import type { RpcClient } from '../../src/rpc/client.ts'
import type { GetBundleResponse__Output } from '../../src/rpc/gen/signet/v1/GetBundleResponse.ts'
import type { IssueJwtSvidsResponse__Output } from '../../src/rpc/gen/signet/v1/IssueJwtSvidsResponse.ts'
import type { IssueX509SvidsResponse__Output } from '../../src/rpc/gen/signet/v1/IssueX509SvidsResponse.ts'
import type { ListAuditEventsRequest } from '../../src/rpc/gen/signet/v1/ListAuditEventsRequest.ts'
import type { ListAuditEventsResponse__Output } from '../../src/rpc/gen/signet/v1/ListAuditEventsResponse.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'
import type { BotClient } from './bot-client.ts'
import type { TestAuthority } from './start-authority.ts'

export const ADMIN = 'signet.v1.AdminService'

export const ISSUANCE = 'signet.v1.IssuanceService'

export const RESOURCES = `
kind: role
version: v1
metadata: { name: ci }
spec:
  max_ttl: 30m
  allow:
    - { kind: workload_identity, labels: { env: staging }, spiffe_ids: [/svc/**], dns_names: ["*.internal"] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [ci], traits: { team: pay } }
---
kind: workload_identity
version: v1
metadata: { name: payments, labels: { env: staging } }
spec:
  spiffe_id: /svc/payments/{{ workload.unix.user }}
  allow:
    - match: { workload.unix.uid: 1000 }
  x509: { ttl: 1h, dns_sans: [payments.internal] }
  jwt: { ttl: 5m, extra_claims: { team: "{{ bot.traits.team }}" } }
---
kind: workload_identity
version: v1
metadata: { name: elsewhere, labels: { env: production } }
spec: { spiffe_id: /svc/elsewhere, allow: [ { match: { workload.unix.uid: 1000 } } ] }
---
kind: workload_identity
version: v1
metadata: { name: outside, labels: { env: staging } }
spec: { spiffe_id: /other/outside, allow: [ { match: { workload.unix.uid: 1000 } } ] }
`

export const identity = (name: string, more = ''): string =>
  `kind: workload_identity\nversion: v1\nmetadata: { name: ${name}, labels: { env: staging } }\nspec: { spiffe_id: /svc/${name}, allow: [ { match: { workload.unix.uid: 1000 } } ]${more} }\n---\n`

const WORKLOAD = JSON.stringify({ unix: { uid: 1000, user: 'pay' } })

export interface ClaimOverrides {
  readonly workloadIdentity?: string
  readonly revision?: string
  readonly spiffeId?: string
  readonly workloadAttributesJson?: string
}

export async function claimFor(authority: TestAuthority, overrides: ClaimOverrides = {}): Promise<object> {
  const name = overrides.workloadIdentity ?? 'payments'
  const { resource } = await authority.admin.unary<object, { resource: { revision: string } }>(
    ADMIN,
    'GetResource',
    {
      kind: 'workload_identity',
      name,
    },
  )
  return {
    workloadIdentity: name,
    revision: resource.revision,
    spiffeId: 'spiffe://example.org/svc/payments/pay',
    workloadAttributesJson: WORKLOAD,
    ...overrides,
  }
}

export async function issueX509(bot: BotClient, claim: object, publicKey?: Buffer) {
  const key = publicKey ?? (await generateKeyPair()).publicKeyDer
  const request = { requests: [{ claim, publicKey: key }] }
  const { results } = await bot.client.unary<object, IssueX509SvidsResponse__Output>(
    ISSUANCE,
    'IssueX509Svids',
    request,
  )
  assert.ok(results[0])
  return results[0]
}

export async function issueJwt(bot: BotClient, claim: object, audience: readonly string[]) {
  const request = { requests: [{ claim, audience }] }
  const { results } = await bot.client.unary<object, IssueJwtSvidsResponse__Output>(
    ISSUANCE,
    'IssueJwtSvids',
    request,
  )
  assert.ok(results[0])
  return results[0]
}

export async function bundleOf(authority: TestAuthority): Promise<Bundle> {
  const answer = await authority.admin.unary<object, GetBundleResponse__Output>(ADMIN, 'GetBundle', {})
  return Bundle.parse(answer.trustDomain, answer.spiffeBundle)
}

export async function auditOf(client: RpcClient, filter: ListAuditEventsRequest) {
  const events = []
  for await (const page of client.stream<ListAuditEventsRequest, ListAuditEventsResponse__Output>(
    ADMIN,
    'ListAuditEvents',
    filter,
  )) {
    events.push(...page.events)
  }
  return events
}

export const nowSeconds = (): number => Math.floor((performance.timeOrigin + performance.now()) / 1000)
