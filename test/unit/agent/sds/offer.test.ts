import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import type { NoIdentityReason } from '../../../../src/agent/entitlement/errors.ts'
import type { IdentitySet } from '../../../../src/agent/entitlement/identity-set.ts'
import { Offer } from '../../../../src/agent/sds/offer.ts'
import type { Secret } from '../../../../src/agent/sds/secret.ts'
import { SecretNames } from '../../../../src/agent/sds/secret-names.ts'
import { SecretStore } from '../../../../src/agent/sds/secret-store.ts'
import { UnusableSvidError } from '../../../../src/agent/svid-cache/errors.ts'
import type { CachedX509Svid, X509State } from '../../../../src/agent/svid-cache/x509-entry.ts'
import type { Knowledge } from '../../../../src/agent/sync/knowledge.ts'
import type { Grant } from '../../../../src/policy/compile.ts'
import { RpcError, StatusCode } from '../../../../src/rpc/status.ts'
import { Bundle } from '../../../../src/spiffe/bundle.ts'
import { FakeRandom } from '../../../fakes/fake-random.ts'
import { readSecret, SECRET_TYPE_URL } from '../../../support/secret-client.ts'
import { createTestTrustDomain } from '../../../support/svid-fixtures.ts'

const own = await createTestTrustDomain('example.org')
const partner = await createTestTrustDomain('a.example')
const empty = Bundle.of({ trustDomain: 'empty.example', x509Authorities: [], jwtAuthorities: [] })
const ID = 'spiffe://example.org/web'

function grantOf(name: string, federatesWith: readonly string[] = []): Grant {
  return { key: name, spiffeId: `spiffe://example.org/${name}`, federatesWith } as Grant
}

/** A chain of two certificates; which ones does not matter here. */
function svidOf(spiffeId: string): CachedX509Svid {
  const chainDer = Buffer.concat([own.ca.der, partner.ca.der])
  return { spiffeId, chainDer, keyDer: Buffer.alloc(138, 2), serial: '0a' } as unknown as CachedX509Svid
}

const READY = (grant: Grant): X509State => ({
  svid: svidOf(grant.spiffeId),
  failure: undefined,
  inFlight: false,
})
const MAKING: X509State = { svid: undefined, failure: undefined, inFlight: true }
const REFUSED: X509State = {
  svid: undefined,
  failure: new RpcError(StatusCode.PERMISSION_DENIED, 'refused'),
  inFlight: false,
}
const OUTAGE: X509State = {
  svid: undefined,
  failure: new RpcError(StatusCode.UNAVAILABLE, 'away'),
  inFlight: false,
}
const UNUSABLE: X509State = {
  svid: undefined,
  failure: new UnusableSvidError('nobody could validate it'),
  inFlight: false,
}

interface Given {
  readonly grants?: readonly Grant[]
  readonly refused?: NoIdentityReason
  readonly states?: Readonly<Record<string, X509State>>
  readonly plain?: boolean
  readonly names?: SecretNames
  readonly bundles?: readonly Bundle[]
}

const DEFAULT_NAMES = {
  default_svid_name: 'default',
  default_bundle_name: 'ROOTCA',
  default_all_bundles_name: 'ALL',
}

function offerOf(given: Given = {}): Offer {
  const { grants = [grantOf('web', ['a.example'])], refused, states = {}, plain = false } = given
  const federated = given.bundles ?? [partner.bundle, empty]
  const knowledge = {
    bundle: own.bundle,
    federatedBundles: new Map(federated.map((bundle) => [bundle.trustDomain, bundle])),
  } as unknown as Knowledge
  const ensureX509 = (grant: Grant): X509State => states[grant.key] ?? READY(grant)
  const names = given.names ?? new SecretNames(DEFAULT_NAMES)
  const set = refused === undefined ? ({ grants } as unknown as IdentitySet) : undefined
  return new Offer(
    { svids: { ensureX509 }, names, store: new SecretStore(new FakeRandom()) },
    { set, workload: {}, uid: 1000, refused, knowledge, plain },
  )
}

const read = ({ bytes }: Secret) => readSecret({ type_url: SECRET_TYPE_URL, value: bytes })
const trustDomains = (secret: Secret | undefined) => Object.keys((secret && read(secret).trustDomains) ?? {})

describe('a secret name', () => {
  it('that is a SPIFFE ID returns that certificate, one PEM block each, with its key', () => {
    const [secret] = offerOf().find([ID], false).secrets
    assert.ok(secret)
    const { name, chain = '', key = '' } = read(secret)
    assert.equal(name, ID)
    const blocks = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? []
    assert.deepEqual(
      blocks.map((pem) => new X509Certificate(pem).raw),
      [own.ca.der, partner.ca.der],
    )
    assert.match(key, /^-----BEGIN PRIVATE KEY-----\n/)
    assert.deepEqual(secret.delivered, { svids: [{ spiffeId: ID, serial: '0a' }] })
  })

  it('`default` is the first certificate in order, under that name', () => {
    const grants = [grantOf('b'), grantOf('a')]
    const [secret] = offerOf({ grants }).find(['default'], false).secrets
    assert.ok(secret)
    assert.equal(secret.name, 'default')
    assert.equal(secret.delivered?.svids[0]?.spiffeId, 'spiffe://example.org/b')
  })

  it('`default` waits for the first while it is being created, and skips one that is not available', () => {
    const grants = [grantOf('b'), grantOf('a')]
    for (const state of [MAKING, OUTAGE]) {
      const { pending, secrets } = offerOf({ grants, states: { b: state } }).find(['default'], false)
      assert.deepEqual([pending, secrets], [['default'], []])
    }
    for (const state of [REFUSED, UNUSABLE]) {
      const [secret] = offerOf({ grants, states: { b: state } }).find(['default'], false).secrets
      assert.equal(secret?.delivered?.svids[0]?.spiffeId, 'spiffe://example.org/a')
    }
    const { pending } = offerOf({ grants, states: { b: UNUSABLE, a: UNUSABLE } }).find(['default'], false)
    assert.deepEqual(pending, ['default'])
  })

  for (const name of ['spiffe://example.org', 'ROOTCA']) {
    it(`\`${name}\`\`${name}\` is its own bundle alone, without the scheme in the name of its trust domain`, () => {
      const [secret] = offerOf().find([name], false).secrets
      assert.equal(secret?.name, name)
      assert.deepEqual(trustDomains(secret), ['example.org'])
    })
  }

  it('that is a federated trust domain returns its bundle alone', () => {
    assert.deepEqual(trustDomains(offerOf().find(['spiffe://a.example'], false).secrets[0]), ['a.example'])
  })

  it('`ALL` is every bundle, sorted, none of them empty', () => {
    const grants = [grantOf('web', ['empty.example', 'a.example', 'unknown.example', 'example.org'])]
    const [secret] = offerOf({ grants }).find(['ALL'], false).secrets
    assert.deepEqual(trustDomains(secret), ['a.example', 'example.org'])
  })

  it('is resolved on its own, whatever is requested beside it', () => {
    const names = ['ALL', 'ROOTCA', 'spiffe://example.org', 'default', ID, 'file-root:system']
    const { secrets, absent } = offerOf().find(names, false)
    assert.deepEqual(
      secrets.map(({ name }) => name),
      names.slice(0, 5),
    )
    assert.deepEqual(absent, [{ name: 'file-root:system', reason: 'unknown_name' }])
  })

  it('may be renamed by the operator; the default name then means nothing', () => {
    const names = new SecretNames({ ...DEFAULT_NAMES, default_bundle_name: 'roots' })
    const { secrets, absent } = offerOf({ names }).find(['roots', 'ROOTCA'], false)
    assert.deepEqual(trustDomains(secrets[0]), ['example.org'])
    assert.deepEqual(absent, [{ name: 'ROOTCA', reason: 'unknown_name' }])
  })
})

describe('a name that is not available', () => {
  const CASES: readonly (readonly [what: string, name: string, given: Given, reason: string])[] = [
    ['another caller’s identity', 'spiffe://example.org/other', {}, 'not_entitled'],
    ['an identity that the authority refuses', ID, { states: { web: REFUSED } }, 'refused_by_authority'],
    ['text that is not an ID', 'web', {}, 'unknown_name'],
    ['an identity, for a caller that may only have bundles', 'default', { grants: [] }, 'no_identity'],
    ['text that is not a trust domain name', 'spiffe://A B', {}, 'unknown_name'],
    ['every bundle in one plain list', 'ALL', { plain: true }, 'mixes_trust_domains'],
  ]
  for (const [what, name, given, reason] of CASES) {
    it(`is left out with a reason: ${what}`, () => {
      const { secrets, absent, pending } = offerOf(given).find([name], false)
      assert.deepEqual([secrets, absent, pending], [[], [{ name, reason }], []])
    })
  }

  const CLOSED: readonly (readonly [
    what: string,
    name: string,
    given: Given,
    reason: string,
    trustDomain: string,
  ])[] = [
    ['that the caller does not federate with', 'spiffe://b.example', {}, 'not_entitled', 'b.example'],
    ['that is unknown', 'spiffe://a.example', { bundles: [] }, 'bundle_missing', 'a.example'],
    [
      'without a certificate',
      'spiffe://empty.example',
      { grants: [grantOf('web', ['empty.example'])] },
      'bundle_missing',
      'empty.example',
    ],
    ['for a caller without an identity', 'ROOTCA', { refused: 'locked' }, 'locked', 'nobody.invalid'],
    ['among all, for a caller without an identity', 'ALL', { refused: 'locked' }, 'locked', 'nobody.invalid'],
  ]
  for (const [what, name, given, reason, trustDomain] of CLOSED) {
    it(`is a validation context that trusts nobody: a bundle ${what}`, () => {
      const { secrets, closed, absent } = offerOf(given).find([name], false)
      assert.deepEqual([closed, absent], [[{ name, reason }], []])
      const [secret] = secrets
      assert.ok(secret && secret.name === name)
      assert.deepEqual(trustDomains(secret), [trustDomain])
      const nobody = new X509Certificate(read(secret).trustDomains?.[trustDomain] ?? '')
      assert.ok(nobody.ca && nobody.verify(nobody.publicKey))
      for (const { raw } of [own.ca.der, partner.ca.der].map((der) => new X509Certificate(der))) {
        assert.notDeepEqual(raw, nobody.raw)
      }
      const [plain] = offerOf({ ...given, plain: true }).find([name], false).secrets
      if (name !== 'ALL' || given.refused)
        assert.ok(new X509Certificate(plain ? (read(plain).trustedCa ?? '') : '').ca)
    })
  }

  it('is pending while it is being created or waits for the authority', () => {
    for (const state of [MAKING, OUTAGE]) {
      assert.deepEqual(offerOf({ states: { web: state } }).find([ID], false).pending, [ID])
    }
  })
})

describe('a wildcard request', () => {
  it('returns every identity and every bundle by its real name, and the names requested beside it', () => {
    const grants = [grantOf('web', ['a.example']), grantOf('shop')]
    const { secrets } = offerOf({ grants }).find(['default', ID], true)
    assert.deepEqual(
      secrets.map(({ name }) => name),
      ['default', ID, 'spiffe://example.org/shop', 'spiffe://a.example', 'spiffe://example.org'],
    )
  })

  it('returns nothing for a caller without an identity', () => {
    assert.deepEqual(offerOf({ refused: 'no_identity' }).find([], true), {
      secrets: [],
      closed: [],
      absent: [],
      pending: [],
    })
  })
})

describe('plain CA certificates', () => {
  it('replace the validator, for one trust domain', () => {
    const [secret] = offerOf({ plain: true }).find(['spiffe://a.example'], false).secrets
    assert.ok(secret)
    assert.deepEqual(new X509Certificate(read(secret).trustedCa ?? '').raw, partner.ca.der)
  })
})

describe('a secret', () => {
  it('has the same version as long as its content is the same, whoever encodes it', () => {
    for (const name of ['ALL', ID]) {
      const [first] = offerOf().find([name], false).secrets
      const [second] = offerOf().find([name], false).secrets
      assert.notEqual(first, second)
      assert.equal(first?.version, second?.version)
    }
    const [other] = offerOf({ bundles: [] }).find(['ALL'], false).secrets
    assert.notEqual(other?.version, offerOf().find(['ALL'], false).secrets[0]?.version)
  })
})
