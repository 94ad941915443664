import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import type { AuditEntry } from '../../../../src/authority/audit/events.ts'
import type { Claim } from '../../../../src/authority/issuance/claim.ts'
import { parseJws } from '../../../../src/crypto/jws.ts'
import { generateKeyPair } from '../../../../src/crypto/keys.ts'
import { parseCertificate } from '../../../../src/crypto/x509.ts'
import { JwtSvidValidator } from '../../../../src/spiffe/jwt-svid.ts'
import { validateX509Svid } from '../../../../src/spiffe/x509-svid.ts'
import { createCaKeys } from '../../../support/ca-keys.ts'
import { NOW } from '../../../support/crypto-fixtures.ts'
import {
  ACTOR,
  anyAnswer,
  CLAIM,
  createIssuer,
  type Given,
  INSTANCE,
  issued,
  keys,
  publicKey,
  refusal,
  SPIFFE_ID,
} from '../../../support/issuer-rig.ts'

describe('an X.509-SVID', () => {
  it('can be used by a workload, and is valid from one minute ago for the time that the resource says', async () => {
    const { x509 } = createIssuer({ spec: { x509: { ttlSeconds: 600 } } })
    const [outcome] = await x509({})
    const { chain, notBefore, notAfter } = issued(outcome)
    const { spiffeId, leaf } = validateX509Svid(chain, keys.bundle, NOW)
    assert.equal(spiffeId.toString(), SPIFFE_ID)
    assert.deepEqual([leaf.notBefore, leaf.notAfter], [NOW - 60, NOW + 600])
    assert.deepEqual([notBefore, notAfter], [NOW - 60, NOW + 600])
    assert.deepEqual(leaf.publicKeyDer, publicKey)
  })

  it('has the DNS names of the resource', async () => {
    const { x509 } = createIssuer({
      spec: { x509: { dns_sans: ['web.internal'] } },
      role: { allow: [{ kind: 'workload_identity', spiffe_ids: ['/**'], dns_names: ['*.internal'] }] },
    })
    const [outcome] = await x509({})
    assert.deepEqual(parseCertificate(issued(outcome).chain[0] as Buffer).dnsSans, ['web.internal'])
  })

  it('lives no longer than the role allows', async () => {
    const { x509 } = createIssuer({ role: { max_ttl: 120 } })
    assert.equal(issued((await x509({}))[0]).notAfter, NOW + 120)
  })

  it('does not outlive the CA', async () => {
    const ending = await createCaKeys(NOW + 90)
    const { x509 } = createIssuer({ keys: () => ending })
    assert.equal(issued((await x509({}))[0]).notAfter, NOW + 90)
  })

  it('is in the audit log, with everything that the decision was based on, before it is sent', async () => {
    const { x509, audited } = createIssuer()
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
          occasion: 'call',
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

  it('is not sent when the audit log cannot be written', async () => {
    const down = new RangeError('disk full')
    const recordAll = () => Promise.reject(down)
    const { x509 } = createIssuer({ audit: { recordAll, newReference: () => 'A' } })
    await assert.rejects(x509({}), down)
  })

  it('has a new serial number each time', async () => {
    const { x509 } = createIssuer()
    const serials = (await x509({}, {}, {})).map((o) => parseCertificate(issued(o).chain[0] as Buffer).serial)
    assert.equal(new Set(serials).size, 3)
  })

  for (const [what, key] of [
    ['garbage', Buffer.from('garbage')],
    ['nothing', Buffer.alloc(0)],
  ] as const) {
    it(`is not issued for ${what} instead of a public key`, async () => {
      const { issuer, audited } = createIssuer()
      const [outcome] = await issuer.issueX509(ACTOR, INSTANCE, [{ claim: CLAIM, publicKey: key }], anyAnswer)
      assert.match(refusal(outcome, audited), /^public key: /)
    })
  }

  it('is not issued for a type of key that Signet does not certify', async () => {
    const { issuer, audited } = createIssuer()
    const { publicKeyDer } = await generateKeyPair('ed25519')
    const [outcome] = await issuer.issueX509(
      ACTOR,
      INSTANCE,
      [{ claim: CLAIM, publicKey: publicKeyDer }],
      anyAnswer,
    )
    assert.match(refusal(outcome, audited), /^public key: /)
  })
})

describe('the key of an X.509-SVID', () => {
  for (const keyType of ['ec-p256', 'ec-p384', 'rsa-2048'] as const) {
    it(`must be of the type ${keyType} when the workload identity says so`, async () => {
      const { issuer, audited } = createIssuer({ spec: { x509: { key_type: keyType } } })
      for (const other of ['ec-p256', 'ec-p384', 'rsa-2048'] as const) {
        const { publicKeyDer } = await generateKeyPair(other)
        const [outcome] = await issuer.issueX509(
          ACTOR,
          INSTANCE,
          [{ claim: CLAIM, publicKey: publicKeyDer }],
          anyAnswer,
        )
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

  it('must have exactly the bits that its type names', async () => {
    const { issuer, audited } = createIssuer({ spec: { x509: { key_type: 'rsa-2048' } } })
    const { publicKey: longer } = generateKeyPairSync('rsa', { modulusLength: 3072 })
    const publicKey = longer.export({ format: 'der', type: 'spki' })
    const [outcome] = await issuer.issueX509(ACTOR, INSTANCE, [{ claim: CLAIM, publicKey }], anyAnswer)
    assert.equal(refusal(outcome, audited), 'public key: not of the type rsa-2048')
  })
})

describe('a JWT-SVID', () => {
  it('is accepted by its audience', async () => {
    const { jwt } = createIssuer()
    const { token, issuedAt, expiresAt } = issued((await jwt(['a', 'b']))[0])
    const svid = new JwtSvidValidator().validate(token, {
      audience: 'b',
      nowSeconds: NOW,
      bundleFor: () => keys.bundle,
    })
    assert.equal(svid.spiffeId.toString(), SPIFFE_ID)
    assert.deepEqual([issuedAt, expiresAt, svid.expiresAt], [NOW, NOW + 300, NOW + 300])
  })

  it('has a list of audiences even for one, and a jti that is in the audit log', async () => {
    const { jwt, audited } = createIssuer()
    const { claims } = parseJws(issued((await jwt(['a']))[0]).token)
    assert.deepEqual(claims['aud'], ['a'])
    const [entry] = audited
    assert.equal(entry?.event, 'jwt_svid.issued')
    const { jti, audience } = entry.detail as { jti: string; audience: readonly string[] }
    assert.deepEqual([jti, audience], [claims['jti'], ['a']])
  })

  it("has the resource's extra claims beside its own", async () => {
    const { jwt } = createIssuer({
      spec: { jwt: { extra_claims: { tier: 'gold', at: '{{ bot.traits.region }}' } } },
    })
    const { claims } = parseJws(issued((await jwt(['a']))[0]).token)
    assert.deepEqual([claims['tier'], claims['at'], claims['sub']], ['gold', 'north', SPIFFE_ID])
  })

  it('does not outlive its key', async () => {
    const ending = await createCaKeys(NOW + 45)
    const { jwt } = createIssuer({ keys: () => ending })
    assert.equal(issued((await jwt(['a']))[0]).expiresAt, NOW + 45)
  })

  it('is not issued for an audience that the workload identity does not allow, not even beside one that it allows', async () => {
    const { jwt, audited } = createIssuer({ spec: { jwt: { allowed_audiences: ['a', 'b'] } } })
    assert.ok(issued((await jwt(['a', 'b']))[0]))
    const [outcome] = await jwt(['a', 'c'])
    const reason = refusal(outcome, audited.slice(-1))
    assert.equal(reason, 'the workload identity does not allow the audience "c" (allowed: "a" or "b")')
  })

  it('is not issued for a reserved audience', async () => {
    const { jwt, audited } = createIssuer()
    const [outcome] = await jwt(['signet'])
    assert.match(refusal(outcome, audited), /reserved/)
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
      'when the workload attributes are not JSON',
      /^the workload attributes are not an attribute tree$/,
      { workloadAttributesJson: '{' },
      {},
    ],
    [
      'when a workload attribute has another type',
      /^workload\.unix\.uid is not of the type int$/,
      { workloadAttributesJson: '{"unix":{"uid":"1000"}}' },
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
      const { x509, audited } = createIssuer(given)
      const [outcome] = await x509(claim)
      assert.match(refusal(outcome, audited), reason)
      assert.equal(audited.length, 1)
    })
  }

  it('with no more of the claim than a SPIFFE ID may have', async () => {
    const { x509, audited } = createIssuer()
    await x509({ spiffeId: `spiffe://example.org/${'x'.repeat(100_000)}` })
    const [{ detail }] = audited as [AuditEntry]
    const { spiffeId } = detail as { spiffeId: string }
    assert.equal(spiffeId.length, 2048)
  })
})
