import assert from 'node:assert/strict'
import type { AuditEntry } from '../../src/authority/audit/events.ts'
import type { Claim } from '../../src/authority/issuance/claim.ts'
import {
  type ExpectAnswer,
  Issuer,
  type IssuerDeps,
  type Outcome,
} from '../../src/authority/issuance/issuer.ts'
import { JwtAlgorithms } from '../../src/authority/keys/jwt-algorithms.ts'
import { IdentityEntry } from '../../src/authority/resources/identity-entry.ts'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import { silentLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { compileWorkloadIdentity } from '../../src/policy/compile.ts'
import { RoleBounds, type RoleSpec } from '../../src/policy/role.ts'
import type { WorkloadIdentitySpec } from '../../src/policy/workload-identity.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { FakeRandom } from '../fakes/fake-random.ts'
import { type CaKeys, createCaKeys } from './ca-keys.ts'
import { NOW } from './crypto-fixtures.ts'

export const ACTOR = 'bot:builder/01J'
export const INSTANCE = {
  id: '01J',
  bot: 'builder',
  joinToken: 'first',
  joinMethod: 'secret',
  joinAttributes: {},
}
export const SPIFFE_ID = 'spiffe://example.org/web'
export const CLAIM: Claim = {
  workloadIdentity: 'web',
  revision: '7',
  spiffeId: SPIFFE_ID,
  workloadAttributesJson: '{"unix":{"uid":1000}}',
  asked: { occasion: 'call' },
}
const SPEC: WorkloadIdentitySpec = {
  spiffe_id: '/web',
  allow: [{ match: { 'workload.unix.uid': 1000 } }],
}
export const ROLE: RoleSpec = { allow: [{ kind: 'workload_identity', spiffe_ids: ['/**'] }] }

export const keys: CaKeys = await createCaKeys()
export const { publicKeyDer: publicKey } = await generateKeyPair()

/** The client accepts responses of any length. */
export const anyAnswer: ExpectAnswer = () => undefined

export interface Given extends Partial<IssuerDeps> {
  readonly spec?: Partial<WorkloadIdentitySpec>
  readonly role?: Partial<RoleSpec>
  readonly expectAnswer?: ExpectAnswer
}

export function entryOf(name: string, spec: Partial<WorkloadIdentitySpec> = {}): IdentityEntry {
  const identity = { name, revision: '7', labels: {}, spec: { ...SPEC, ...spec } }
  return new IdentityEntry(identity, (each) =>
    compileWorkloadIdentity(each, { trustDomain: 'example.org', x509TtlSeconds: 3600, jwtTtlSeconds: 300 }),
  )
}

/** Creates an issuer with one workload identity, `web` at revision 7, and records its audit entries. */
export function createIssuer({ spec, role, expectAnswer = anyAnswer, ...deps }: Given = {}) {
  const audited: AuditEntry[] = []
  const metrics = createMetrics()
  const bounds = new RoleBounds([{ name: 'r', spec: { ...ROLE, ...role } }])
  const entry = entryOf('web', spec)
  const issuer = new Issuer({
    keys: () => keys,
    jwt: new JwtAlgorithms({ algorithm: 'ES256', by_audience: {} }),
    audit: {
      recordAll: async (entries) => void audited.push(...entries),
      newReference: () => 'ABCD-EFGH',
    },
    clock: new FakeClock(NOW * 1000),
    random: new FakeRandom(),
    logger: silentLogger,
    metrics,
    trustDomain: 'example.org',
    identity: (name) => (name === 'web' ? entry : undefined),
    bounds: () => bounds,
    traits: () => ({ region: 'north' }),
    lockOn: () => undefined,
    ...deps,
  })
  const x509 = (...claims: Partial<Claim>[]) =>
    issuer.issueX509(
      ACTOR,
      INSTANCE,
      claims.map((claim) => ({ claim: { ...CLAIM, ...claim }, publicKey })),
      expectAnswer,
    )
  const jwts = (...audiences: (readonly string[])[]) =>
    issuer.issueJwt(
      ACTOR,
      INSTANCE,
      audiences.map((audience) => ({ claim: CLAIM, audience })),
      expectAnswer,
    )
  const jwt = (audience: readonly string[], claim: Partial<Claim> = {}) =>
    issuer.issueJwt(ACTOR, INSTANCE, [{ claim: { ...CLAIM, ...claim }, audience }], expectAnswer)
  return { issuer, audited, metrics, x509, jwt, jwts }
}

export function issued<T>(outcome: Outcome<T> | undefined): T {
  assert.ok(outcome && 'issued' in outcome, 'it was refused')
  return outcome.issued
}

/** Checks that the agent learns only the reference of a refusal, and returns the reason in the audit log. */
export function refusal(outcome: Outcome<unknown> | undefined, [entry]: readonly AuditEntry[]) {
  assert.ok(outcome && 'error' in outcome, 'it was issued')
  assert.equal(outcome.error.code, 'ERR_REFUSED')
  assert.equal(outcome.error.publicMessage, 'refused, reference ABCD-EFGH')
  assert.equal(entry?.event, 'svid.refused')
  assert.equal(entry.ref, 'ABCD-EFGH')
  return (entry.detail as { readonly reason: string }).reason
}
