import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { sequence } from '../../src/crypto/der.ts'
import { generateKeyPair, type KeyPair } from '../../src/crypto/keys.ts'
import { parseCertificate } from '../../src/crypto/x509.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'
import { parseX509Svid, validateX509Svid } from '../../src/spiffe/x509-svid.ts'
import { createTestCa, DAY, NOW, signTestLeaf, type TestCa } from '../support/crypto-fixtures.ts'
import {
  anyExtension,
  caExtension,
  forgeCertificate,
  keyUsageExtension,
  uriExtension,
} from '../support/forged-certificate.ts'
import { createTestTrustDomain } from '../support/svid-fixtures.ts'

const INVALID = { code: 'ERR_SPIFFE_X509_SVID_INVALID', publicMessage: 'not a valid X.509-SVID' }
const ID = 'spiffe://example.org/web'
const usage = keyUsageExtension([0])
const uri = uriExtension(ID)

let own: Awaited<ReturnType<typeof createTestTrustDomain>>
let foreign: typeof own

before(async () => {
  own = await createTestTrustDomain()
  foreign = await createTestTrustDomain('partner.example')
})

const bundleOf = (trustDomain: string, ...x509Authorities: readonly Buffer[]): Bundle =>
  Bundle.of({ trustDomain, x509Authorities, jwtAuthorities: [] })
const refused = (chain: readonly Buffer[], bundle = own.bundle, at = NOW): void =>
  assert.throws(() => validateX509Svid(chain, bundle, at), INVALID)

describe('the validation of an X.509-SVID', () => {
  it('X5V-01: accepts what a CA of its trust domain signed, and finds its SPIFFE ID', () => {
    const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer)
    assert.equal(validateX509Svid([leaf], own.bundle, NOW).spiffeId.toString(), ID)
  })

  it('X5V-01: refuses it before its time and after it', () => {
    const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer)
    for (const at of [NOW - 61, NOW + 3601]) refused([leaf], own.bundle, at)
  })

  it('X5V-01, SVID-03: refuses it with any bit of its SPIFFE ID, its key or its signature changed', () => {
    const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer)
    const places = [
      leaf.indexOf(ID) + ID.length - 1,
      leaf.indexOf(own.jwtKey.publicKeyDer) + 60,
      leaf.length - 1,
    ]
    for (const at of places) {
      const changed = Buffer.from(leaf)
      changed[at] = (changed[at] ?? 0) ^ 1
      refused([changed])
    }
  })

  it('SVID-05, X5V-08, BNC-05, BNC-10: refuses it with any bundle but that of its own trust domain', () => {
    const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer)
    refused([leaf], foreign.bundle)
    refused([leaf], bundleOf('partner.example', own.ca.der)) // even where the right key is in it
    refused([leaf], bundleOf('example.org'))
    const ofOther = signTestLeaf(own.ca, own.jwtKey.publicKeyDer, { uriSan: 'spiffe://partner.example/web' })
    refused([ofOther])
    refused([ofOther], foreign.bundle)
  })

  for (const [clause, what, extensions] of [
    ['X5V-02', 'is a CA', [caExtension(), usage, uri]],
    ['X5V-03', 'may sign certificates', [keyUsageExtension([0, 5]), uri]],
    ['X5V-03', 'may sign CRLs', [keyUsageExtension([0, 6]), uri]],
    ['X5V-04', 'has a SPIFFE ID and another URI', [usage, uriExtension(ID, 'https://example.org')]],
    ['X5V-04', 'has the same URI twice', [usage, uriExtension(ID, ID)]],
    ['X5V-05', 'has no URI', [usage]],
    ['X5V-05', 'has a URI of another scheme', [usage, uriExtension('https://example.org/web')]],
    ['X5V-06', 'has no path', [usage, uriExtension('spiffe://example.org')]],
    ['X5V-06', 'has an empty path', [usage, uriExtension('spiffe://example.org/')]],
    ['X5V-07, T-36', 'has a dot segment', [usage, uriExtension('spiffe://example.org/a/../web')]],
    ['X5V-07, T-36', 'has percent-encoding', [usage, uriExtension('spiffe://example.org/%77eb')]],
    ['X5V-07', 'is in upper case', [usage, uriExtension('spiffe://EXAMPLE.org/web')]],
    ['X5V-07, T-36', 'ends with an empty query', [usage, uriExtension(`${ID}?`)]],
    ['X5V-09', 'has no key usage', [uri]],
    ['X5V-09', 'has a key usage that is not critical', [keyUsageExtension([0], false), uri]],
    ['X5V-12', 'has name constraints', [usage, uri, anyExtension('2.5.29.30', true, sequence())]],
    ['X5V-01', 'has an unknown critical extension', [usage, uri, anyExtension('1.2.3', true, sequence())]],
  ] as const) {
    it(`${clause}: refuses a leaf that ${what}`, () => {
      const issuerDer = parseCertificate(own.ca.der).subjectDer
      const forge = (change: readonly Buffer[]): Buffer =>
        forgeCertificate({ signer: own.ca.key, issuerDer, key: own.jwtKey, extensions: change })
      refused([forge(extensions)])
      validateX509Svid([forge([usage, uri])], own.bundle, NOW) // nothing else is wrong with it
    })
  }

  it('X5V-02: refuses a root as its own leaf', () => {
    refused([own.ca.der])
    assert.throws(() => parseX509Svid([own.ca.der]), INVALID)
  })

  it('X5V-09, X5V-10: accepts a leaf without extended key usage and without DNS names, and one with a name for people', () => {
    for (const change of [{ extKeyUsages: [] }, { dnsSans: ['a.example'], subject: { commonName: 'a' } }]) {
      const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer, change)
      validateX509Svid([leaf], own.bundle, NOW)
    }
  })
})

describe('the validation of a chain with an intermediate CA', () => {
  let root: TestCa
  let key: KeyPair
  let bundle: Bundle

  before(async () => {
    root = await createTestCa({ name: 'root', pathLength: 1 })
    key = await generateKeyPair()
    bundle = bundleOf('example.org', root.der)
  })

  /** A leaf, and above it a certificate that the root signed. */
  function chain(
    extensions: readonly Buffer[],
    more: { signer?: KeyPair; notAfter?: number } = {},
  ): Buffer[] {
    const issuerDer = parseCertificate(root.der).subjectDer
    const intermediate = forgeCertificate({ signer: root.key, issuerDer, key, extensions, ...more })
    return [forgeCertificate({ signer: key, key: own.jwtKey, extensions: [usage, uri] }), intermediate]
  }
  const mayCertify = keyUsageExtension([5])

  it('X5V-01, X5C-03, X5C-10: accepts an intermediate within the path length, and leads to the root', () => {
    const svid = validateX509Svid(chain([caExtension(0), mayCertify]), bundle, NOW)
    assert.equal(svid.chain.length, 2)
  })

  for (const [what, extensions, more] of [
    ['has expired', [caExtension(), mayCertify], { notAfter: NOW - 1 }],
    ['is no CA', [mayCertify], {}],
    ['may not sign certificates', [caExtension(), keyUsageExtension([6])], {}],
    ['has no key usage', [caExtension()], {}],
    [
      'has an unknown critical extension',
      [caExtension(), mayCertify, anyExtension('1.2.3', true, sequence())],
      {},
    ],
  ] as const) {
    it(`X5V-01: refuses an intermediate that ${what}`, () => refused(chain(extensions, more), bundle))
  }

  it('X5V-01: refuses an intermediate that somebody else signed', () => {
    refused(chain([caExtension(), mayCertify], { signer: own.ca.key }), bundle)
  })

  it('X5V-01, X5C-03: refuses one CA more than the path length allows', async () => {
    const short = await createTestCa({ name: 'short', pathLength: 0 })
    const below = await createTestCa({ name: 'below', parent: short })
    const leaf = signTestLeaf(below, own.jwtKey.publicKeyDer)
    refused([leaf, below.der], bundleOf('example.org', short.der))
  })

  it('X5V-12, X5C-12, X5C-13: refuses what is below name constraints, critical or not: it does not evaluate them', () => {
    for (const critical of [true, false]) {
      refused(chain([caExtension(), mayCertify, anyExtension('2.5.29.30', critical, sequence())]), bundle)
    }
  })

  it('X5V-01: refuses an expired root', async () => {
    const old = await createTestCa({ notBefore: NOW - 2 * DAY, notAfter: NOW - DAY })
    const extensions = [usage, uri]
    const issuerDer = parseCertificate(old.der).subjectDer
    refused(
      [forgeCertificate({ signer: old.key, issuerDer, key, extensions })],
      bundleOf('example.org', old.der),
    )
  })

  it('X5C-14: finds the right one of two CAs with the same name', async () => {
    const first = await createTestCa({ name: 'twin' })
    const second = await createTestCa({ name: 'twin' })
    for (const order of [
      [first, second],
      [second, first],
    ]) {
      const both = bundleOf('example.org', ...order.map(({ der }) => der))
      for (const ca of order) validateX509Svid([signTestLeaf(ca, key.publicKeyDer)], both, NOW)
    }
  })

  it('T-02, T-03: accepts a CA without a SPIFFE ID, and one whose ID ends with a slash', async () => {
    for (const more of [{}, { uriSan: 'spiffe://example.org/' }]) {
      const ca = await createTestCa(more)
      validateX509Svid([signTestLeaf(ca, key.publicKeyDer)], bundleOf('example.org', ca.der), NOW)
    }
  })

  it('X5C-05, T-04: accepts a CA that may sign other things too', async () => {
    const lenient = chain([caExtension(), keyUsageExtension([0, 5, 6])])
    validateX509Svid(lenient, bundle, NOW)
  })

  it('X5V-01: refuses leaf above leaf, nothing, and bytes that are no certificate', () => {
    const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer)
    for (const bad of [[leaf, leaf], [], [Buffer.from('x')]]) refused(bad)
  })
})
