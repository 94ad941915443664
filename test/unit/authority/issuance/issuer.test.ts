import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { before, describe, it } from 'node:test'
import type { AuditEntry } from '../../../../src/authority/audit/events.ts'
import type { JwtSigner } from '../../../../src/authority/ca/ca-state.ts'
import { JwtAlgorithms } from '../../../../src/authority/ca/jwt-algorithms.ts'
import { IdentityEntry } from '../../../../src/authority/identities/identity-entry.ts'
import type { Claim } from '../../../../src/authority/issuance/claim.ts'
import { Issuer, type IssuerDeps, type Outcome } from '../../../../src/authority/issuance/issuer.ts'
import { JwsSigner, parseJws } from '../../../../src/crypto/jws.ts'
import {
  SIGNING_ALGORITHMS,
  SIGNING_KEYS,
  type SigningAlgorithm,
} from '../../../../src/crypto/jws-algorithm.ts'
import { generateKeyPair } from '../../../../src/crypto/keys.ts'
import { parseCertificate } from '../../../../src/crypto/x509.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'
import { compileWorkloadIdentity } from '../../../../src/policy/compile.ts'
import { RoleBounds, type RoleSpec } from '../../../../src/policy/role.ts'
import type { WorkloadIdentitySpec } from '../../../../src/policy/workload-identity.ts'
import { JwtSvidValidator } from '../../../../src/spiffe/jwt-svid.ts'
import { validateX509Svid } from '../../../../src/spiffe/x509-svid.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { FakeRandom } from '../../../fakes/fake-random.ts'
import { type CaKeys, createCaKeys } from '../../../support/ca-keys.ts'
import { NOW } from '../../../support/crypto-fixtures.ts'

const ACTOR = 'bot:builder/01J'
const INSTANCE = { id: '01J', bot: 'builder', joinToken: 'first', joinMethod: 'secret' }
const SPIFFE_ID = 'spiffe://example.org/web'
const CLAIM: Claim = {
  workloadIdentity: 'web',
  revision: '7',
  spiffeId: SPIFFE_ID,
  workloadAttributesJson: '{"unix":{"uid":1000}}',
}
const SPEC: WorkloadIdentitySpec = { spiffe_id: '/web', allow: [{ match: { 'workload.unix.uid': 1000 } }] }
const ROLE: RoleSpec = { allow: [{ kind: 'workload_identity', spiffe_ids: ['/**'] }] }

let keys: CaKeys
let publicKey: Buffer

before(async () => {
  keys = await createCaKeys()
  publicKey = (await generateKeyPair()).publicKeyDer
})

interface Given extends Partial<IssuerDeps> {
  readonly spec?: Partial<WorkloadIdentitySpec>
  readonly role?: Partial<RoleSpec>
}

function entryOf(name: string, spec: Partial<WorkloadIdentitySpec> = {}): IdentityEntry {
  const identity = { name, revision: '7', labels: {}, spec: { ...SPEC, ...spec } }
  return new IdentityEntry(identity, (each) =>
    compileWorkloadIdentity(each, { trustDomain: 'example.org', x509TtlSeconds: 3600, jwtTtlSeconds: 300 }),
  )
}

/** An issuer with one workload identity, `web` at revision 7, and what it put into the audit log. */
function create({ spec, role, ...deps }: Given = {}) {
  const audited: AuditEntry[] = []
  const metrics = createMetrics()
  const bounds = new RoleBounds([{ name: 'r', spec: { ...ROLE, ...role } }])
  const entry = entryOf('web', spec)
  const issuer = new Issuer({
    ca: () => keys,
    jwt: new JwtAlgorithms({ algorithm: 'ES256', by_audience: {} }),
    audit: {
      recordAll: async (entries) => void audited.push(...entries),
      newReference: () => 'ABCD-EFGH',
    },
    clock: new FakeClock(NOW * 1000),
    random: new FakeRandom(),
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
    )
  const jwt = (audience: readonly string[], claim: Partial<Claim> = {}) =>
    issuer.issueJwt(ACTOR, INSTANCE, [{ claim: { ...CLAIM, ...claim }, audience }])
  return { issuer, audited, metrics, x509, jwt }
}

function issued<T>(outcome: Outcome<T> | undefined): T {
  assert.ok(outcome && 'issued' in outcome, 'it was refused')
  return outcome.issued
}

/** What the agent hears, and what only the audit log says. */
function refusal(outcome: Outcome<unknown> | undefined, [entry]: readonly AuditEntry[]) {
  assert.ok(outcome && 'error' in outcome, 'it was issued')
  assert.equal(outcome.error.code, 'ERR_REFUSED')
  assert.equal(outcome.error.publicMessage, 'refused, reference ABCD-EFGH')
  assert.equal(entry?.event, 'svid.refused')
  assert.equal(entry.ref, 'ABCD-EFGH')
  return (entry.detail as { readonly reason: string }).reason
}

describe('an X.509-SVID', () => {
  it('is one that a workload can use, valid from a minute ago for the time that the resource says', async () => {
    const { x509 } = create({ spec: { x509: { ttlSeconds: 600 } } })
    const [outcome] = await x509({})
    const { chain, notBefore, notAfter } = issued(outcome)
    const { spiffeId, leaf } = validateX509Svid(chain, keys.bundle, NOW)
    assert.equal(spiffeId.toString(), SPIFFE_ID)
    assert.deepEqual([leaf.notBefore, leaf.notAfter], [NOW - 60, NOW + 600])
    assert.deepEqual([notBefore, notAfter], [NOW - 60, NOW + 600])
    assert.deepEqual(leaf.publicKeyDer, publicKey)
  })

  it('has the DNS names of the resource', async () => {
    const { x509 } = create({
      spec: { x509: { dns_sans: ['web.internal'] } },
      role: { allow: [{ kind: 'workload_identity', spiffe_ids: ['/**'], dns_names: ['*.internal'] }] },
    })
    const [outcome] = await x509({})
    assert.deepEqual(parseCertificate(issued(outcome).chain[0] as Buffer).dnsSans, ['web.internal'])
  })

  it('lives no longer than the role lets it', async () => {
    const { x509 } = create({ role: { max_ttl: 120 } })
    assert.equal(issued((await x509({}))[0]).notAfter, NOW + 120)
  })

  it('does not outlive the CA', async () => {
    const ending = await createCaKeys(NOW + 90)
    const { x509 } = create({ ca: () => ending })
    assert.equal(issued((await x509({}))[0]).notAfter, NOW + 90)
  })

  it('is in the audit log, with all that the decision rested on, before it leaves', async () => {
    const { x509, audited } = create()
    const leaf = parseCertificate(issued((await x509({}))[0]).chain[0] as Buffer)
    assert.deepEqual(audited, [
      {
        event: 'x509_svid.issued',
        actor: ACTOR,
        detail: {
          bot: 'builder',
          botInstance: '01J',
          workloadIdentity: 'web',
          revision: '7',
          spiffeId: SPIFFE_ID,
          notAfter: NOW + 3600,
          attributes: {
            workload: { unix: { uid: 1000 } },
            join: { method: 'secret', token: 'first' },
            bot: { name: 'builder', instance_id: '01J', traits: { region: 'north' } },
          },
          serial: leaf.serial,
          dnsSans: [],
        },
      },
    ])
  })

  it('does not leave when the audit log cannot be written', async () => {
    const down = new RangeError('disk full')
    const recordAll = () => Promise.reject(down)
    const { x509 } = create({ audit: { recordAll, newReference: () => 'A' } })
    await assert.rejects(x509({}), down)
  })

  it('has another serial each time', async () => {
    const { x509 } = create()
    const serials = (await x509({}, {}, {})).map((o) => parseCertificate(issued(o).chain[0] as Buffer).serial)
    assert.equal(new Set(serials).size, 3)
  })

  for (const [what, key] of [
    ['garbage', Buffer.from('garbage')],
    ['nothing', Buffer.alloc(0)],
  ] as const) {
    it(`is not made for ${what} in the place of a public key`, async () => {
      const { issuer, audited } = create()
      const [outcome] = await issuer.issueX509(ACTOR, INSTANCE, [{ claim: CLAIM, publicKey: key }])
      assert.match(refusal(outcome, audited), /^public key: /)
    })
  }

  it('is not made for a kind of key that Signet does not certify', async () => {
    const { issuer, audited } = create()
    const { publicKeyDer } = await generateKeyPair('ed25519')
    const [outcome] = await issuer.issueX509(ACTOR, INSTANCE, [{ claim: CLAIM, publicKey: publicKeyDer }])
    assert.match(refusal(outcome, audited), /^public key: /)
  })
})

describe('the key of an X.509-SVID', () => {
  for (const keyType of ['ec-p256', 'ec-p384', 'rsa-2048'] as const) {
    it(`is of the type ${keyType} where the workload identity says so, and of no other`, async () => {
      const { issuer, audited } = create({ spec: { x509: { key_type: keyType } } })
      for (const other of ['ec-p256', 'ec-p384', 'rsa-2048'] as const) {
        const { publicKeyDer } = await generateKeyPair(other)
        const [outcome] = await issuer.issueX509(ACTOR, INSTANCE, [{ claim: CLAIM, publicKey: publicKeyDer }])
        if (other === keyType) {
          const { leaf } = validateX509Svid(issued(outcome).chain, keys.bundle, NOW)
          assert.deepEqual(leaf.publicKeyDer, publicKeyDer)
        } else {
          const reason = refusal(outcome, audited.slice(-1))
          assert.equal(reason, `public key: not of the type ${keyType}`)
        }
      }
    })
  }

  it('has exactly the bits that its type names', async () => {
    const { issuer, audited } = create({ spec: { x509: { key_type: 'rsa-2048' } } })
    const { publicKey: longer } = generateKeyPairSync('rsa', { modulusLength: 3072 })
    const publicKey = longer.export({ format: 'der', type: 'spki' })
    const [outcome] = await issuer.issueX509(ACTOR, INSTANCE, [{ claim: CLAIM, publicKey }])
    assert.equal(refusal(outcome, audited), 'public key: not of the type rsa-2048')
  })
})

describe('a JWT-SVID', () => {
  it('is one that its audience accepts', async () => {
    const { jwt } = create()
    const { token, issuedAt, expiresAt } = issued((await jwt(['a', 'b']))[0])
    const svid = new JwtSvidValidator().validate(token, {
      audience: 'b',
      nowSeconds: NOW,
      bundleFor: () => keys.bundle,
    })
    assert.equal(svid.spiffeId.toString(), SPIFFE_ID)
    assert.deepEqual([issuedAt, expiresAt, svid.expiresAt], [NOW, NOW + 300, NOW + 300])
  })

  it('has a list of audiences also when it is one, and a jti that is in the audit log', async () => {
    const { jwt, audited } = create()
    const { claims } = parseJws(issued((await jwt(['a']))[0]).token)
    assert.deepEqual(claims['aud'], ['a'])
    const [entry] = audited
    assert.equal(entry?.event, 'jwt_svid.issued')
    const { jti, audience } = entry.detail as { jti: string; audience: readonly string[] }
    assert.deepEqual([jti, audience], [claims['jti'], ['a']])
  })

  it('carries the extra claims of the resource beside its own', async () => {
    const { jwt } = create({
      spec: { jwt: { extra_claims: { tier: 'gold', at: '{{ bot.traits.region }}' } } },
    })
    const { claims } = parseJws(issued((await jwt(['a']))[0]).token)
    assert.deepEqual([claims['tier'], claims['at'], claims['sub']], ['gold', 'north', SPIFFE_ID])
  })

  it('does not outlive its key', async () => {
    const ending = await createCaKeys(NOW + 45)
    const { jwt } = create({ ca: () => ending })
    assert.equal(issued((await jwt(['a']))[0]).expiresAt, NOW + 45)
  })

  it('is made for no audience that the workload identity does not allow, not even beside one that it allows', async () => {
    const { jwt, audited } = create({ spec: { jwt: { allowed_audiences: ['a', 'b'] } } })
    assert.ok(issued((await jwt(['a', 'b']))[0]))
    const [outcome] = await jwt(['a', 'c'])
    const reason = refusal(outcome, audited.slice(-1))
    assert.equal(reason, 'the workload identity does not allow the audience "c" (allowed: "a" or "b")')
  })

  it('is not made for an audience that is reserved', async () => {
    const { jwt, audited } = create()
    const [outcome] = await jwt(['signet'])
    assert.match(refusal(outcome, audited), /reserved/)
  })
})

describe('the algorithm of a JWT-SVID', () => {
  const named = { ES384: 'partner', RS256: 'sts.amazonaws.com' } as const
  const byAudience = Object.fromEntries(
    Object.entries(named).map(([algorithm, audience]) => [audience, algorithm]),
  )
  const jwt = new JwtAlgorithms({
    algorithm: 'ES256',
    by_audience: byAudience as Record<string, SigningAlgorithm>,
  })
  const signers = new Map<SigningAlgorithm, JwtSigner>()
  before(async () => {
    for (const alg of SIGNING_ALGORITHMS) {
      const { privateKey } = await generateKeyPair(SIGNING_KEYS[alg])
      signers.set(alg, Object.assign(new JwsSigner({ alg, kid: alg, privateKey }), { notAfter: NOW + 3600 }))
    }
  })
  const create3 = () => create({ jwt, ca: () => ({ x509: keys.x509, jwtSigners: signers }) })
  const algorithmFor = async (...audience: string[]): Promise<unknown> => {
    const [outcome] = await create3().jwt(audience)
    const { header } = parseJws(issued(outcome).token)
    assert.equal(header['kid'], header['alg'])
    return header['alg']
  }

  it('is the usual one for audiences that nothing is said of', async () => {
    assert.equal(await algorithmFor('a', 'b'), 'ES256')
  })
  it('is the one of a named audience, also where others are beside it', async () => {
    assert.equal(await algorithmFor(named.RS256), 'RS256')
    assert.equal(await algorithmFor('a', named.ES384), 'ES384')
  })
  it('cannot be two at once: the agent hears so, and the audit log has it', async () => {
    const { audited, jwt: ask } = create3()
    const [outcome] = await ask([named.RS256, named.ES384])
    assert.ok(outcome && 'error' in outcome)
    assert.equal(outcome.error.code, 'ERR_ISSUANCE_AUDIENCES_MIXED')
    assert.equal(audited[0]?.event, 'svid.refused')
  })
  it('may differ within a batch, whose outcomes are in the order of the requests', async () => {
    const audiences = Array.from({ length: 150 }, (_, n) => [
      [named.RS256, named.ES384, 'a'][n % 3] as string,
    ])
    const { issuer, audited } = create3()
    const outcomes = await issuer.issueJwt(
      ACTOR,
      INSTANCE,
      audiences.map((audience) => ({ claim: CLAIM, audience })),
    )
    const found = outcomes.map((outcome) => {
      const { claims, header } = parseJws(issued(outcome).token)
      return [header['alg'], claims['aud']]
    })
    const wanted = audiences.map((audience, n) => [['RS256', 'ES384', 'ES256'][n % 3], audience])
    assert.deepEqual(found, wanted)
    assert.deepEqual(
      audited.map(({ detail }) => (detail as { alg: string }).alg),
      wanted.map(([alg]) => alg),
    )
  })
  it('lets a batch of one token be signed between the elements of a long one', async () => {
    const { issuer } = create3()
    const ask = (count: number) =>
      issuer.issueJwt(
        ACTOR,
        INSTANCE,
        Array.from({ length: count }, () => ({ claim: CLAIM, audience: [named.RS256] })),
      )
    const ended: string[] = []
    const long = ask(100).then(() => ended.push('long'))
    const short = ask(1).then(() => ended.push('short'))
    await Promise.all([long, short])
    assert.deepEqual(ended, ['short', 'long'])
  })
  it('does not hold back a lock that is set while it is signed with', async () => {
    let locked = false
    const { issuer } = create({
      jwt,
      ca: () => ({ x509: keys.x509, jwtSigners: signers }),
      lockOn: () => (locked ? { name: 'stop' } : undefined),
    })
    const asked = issuer.issueJwt(ACTOR, INSTANCE, [{ claim: CLAIM, audience: [named.RS256] }])
    locked = true
    const [outcome] = await asked
    assert.ok(outcome && 'error' in outcome)
    assert.equal(outcome.error.code, 'ERR_REFUSED')
  })
})

describe('an SVID is refused, and the audit log has the reason,', () => {
  const reasons: readonly (readonly [string, RegExp, Partial<Claim>, Given])[] = [
    [
      'when no role permits the workload identity',
      /^no role of the bot permits this workload identity$/,
      {},
      { role: { allow: [{ kind: 'workload_identity', name: 'other', spiffe_ids: ['/**'] }] } },
    ],
    ['when no rule lets the workload in', /./, { workloadAttributesJson: '{"unix":{"uid":1001}}' }, {}],
    [
      'when the attributes make another SPIFFE ID',
      /^the attributes make spiffe:\/\/example\.org\/web$/,
      { spiffeId: 'spiffe://example.org/other' },
      {},
    ],
    [
      'when the workload attributes are no JSON',
      /^the workload attributes are not an attribute tree$/,
      { workloadAttributesJson: '{' },
      {},
    ],
    [
      'when there is a lock',
      /^lock stop$/,
      {},
      { lockOn: ({ spiffeId }) => (spiffeId === SPIFFE_ID ? { name: 'stop' } : undefined) },
    ],
    [
      'when the roles do not cover the SPIFFE ID',
      /^no role allows the SPIFFE ID/,
      {},
      { role: { allow: [{ kind: 'workload_identity', spiffe_ids: ['/other'] }] } },
    ],
  ]
  for (const [when, reason, claim, given] of reasons) {
    it(when, async () => {
      const { x509, audited } = create(given)
      const [outcome] = await x509(claim)
      assert.match(refusal(outcome, audited), reason)
      assert.equal(audited.length, 1)
    })
  }

  it('with no more of what was claimed than a SPIFFE ID may have', async () => {
    const { x509, audited } = create()
    await x509({ spiffeId: `spiffe://example.org/${'x'.repeat(100_000)}` })
    const [{ detail }] = audited as [AuditEntry]
    const { spiffeId } = detail as { spiffeId: string }
    assert.equal(spiffeId.length, 2048)
  })
})

describe('a batch', () => {
  for (const [what, claim] of [
    ['another revision', { revision: '6' }],
    ['a workload identity that is gone', { workloadIdentity: 'gone' }],
  ] as const) {
    it(`with ${what} is told to sync and to ask again; nothing was decided, so nothing is recorded`, async () => {
      const { x509, audited } = create()
      const [outcome] = await x509(claim)
      assert.ok(outcome && 'error' in outcome)
      assert.equal(outcome.error.code, 'ERR_ISSUANCE_STALE')
      assert.deepEqual(audited, [])
    })
  }

  it('has an outcome for each request in its order, and is recorded in one write', async () => {
    const writes: number[] = []
    const recordAll = async (entries: readonly AuditEntry[]) => void writes.push(entries.length)
    const { x509, metrics } = create({ audit: { recordAll, newReference: () => 'A' } })
    const claims = Array.from({ length: 130 }, (_, n) =>
      n % 2 === 0 ? {} : n % 4 === 1 ? { revision: '6' } : { spiffeId: 'x' },
    )
    const outcomes = await x509(...claims)
    const found = outcomes.map((each) => ('issued' in each ? 'issued' : each.error.code))
    assert.deepEqual(
      found,
      claims.map((_, n) => (n % 2 === 0 ? 'issued' : n % 4 === 1 ? 'ERR_ISSUANCE_STALE' : 'ERR_REFUSED')),
    )
    assert.deepEqual(writes, [65 + 32])
    const text = await metrics.expose()
    assert.match(text, /signet_issue_total\{kind="x509_svid",result="issued"\} 65/)
    assert.match(text, /signet_issue_total\{kind="x509_svid",result="stale"\} 33/)
    assert.match(text, /signet_issue_total\{kind="x509_svid",result="refused"\} 32/)
  })

  describe('while which is recorded', () => {
    /** What becomes of an SVID when this happens between its signature and its answer. */
    async function after(
      happens: (given: { locked?: boolean; bounds?: RoleBounds; gone?: boolean }) => void,
    ) {
      const now: Parameters<typeof happens>[0] = {}
      const audited: AuditEntry[] = []
      const bounds = new RoleBounds([{ name: 'r', spec: ROLE }])
      const { x509 } = create({
        lockOn: () => (now.locked ? { name: 'stop' } : undefined),
        bounds: () => now.bounds ?? bounds,
        identity: (name) => (now.gone ? undefined : entryOf(name)),
        audit: {
          recordAll: async (entries) => {
            audited.push(...entries)
            happens(now)
          },
          newReference: () => 'ABCD-EFGH',
        },
      })
      const [outcome] = await x509({})
      return { outcome, audited }
    }

    it('a lock is set does not leave, and the audit log says so', async () => {
      const { outcome, audited } = await after((now) => (now.locked = true))
      assert.equal(audited[0]?.event, 'x509_svid.issued')
      assert.equal(refusal(outcome, audited.slice(1)), 'lock stop')
    })
    it('the workload identity goes, or the roles of the bot change, is stale', async () => {
      for (const happens of [
        (now: { gone?: boolean }) => (now.gone = true),
        (now: { bounds?: RoleBounds }) => (now.bounds = new RoleBounds([])),
      ]) {
        const { outcome } = await after(happens)
        assert.ok(outcome && 'error' in outcome)
        assert.equal(outcome.error.code, 'ERR_ISSUANCE_STALE')
      }
    })
    it('nothing happens leaves', async () => {
      issued((await after(() => undefined)).outcome)
    })
  })

  it('under a key that is over is not made: the agent hears that it may ask again', async () => {
    const ended = await createCaKeys(NOW)
    const { x509, jwt, audited } = create({ ca: () => ended })
    for (const [outcome] of [await x509({}), await jwt(['a'])]) {
      assert.ok(outcome && 'error' in outcome)
      assert.equal(outcome.error.kind, 'unavailable')
    }
    assert.deepEqual(audited, [])
  })

  it('of nothing is nothing', async () => {
    const { issuer, audited } = create()
    assert.deepEqual(await issuer.issueX509(ACTOR, INSTANCE, []), [])
    assert.deepEqual(audited, [])
  })

  it('does not take a bug for a refusal', async () => {
    const lockOn = (): never => {
      throw new RangeError('bug')
    }
    await assert.rejects(create({ lockOn }).x509({}), RangeError)
  })
})
