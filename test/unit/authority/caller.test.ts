import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { actorOf, botCallerOf } from '../../../src/authority/caller.ts'
import { generateKeyPair, type KeyPair, spkiSha256 } from '../../../src/crypto/keys.ts'
import type { LeafInput } from '../../../src/crypto/signing-ca.ts'
import { parseCertificate } from '../../../src/crypto/x509.ts'
import { createTestCa, NOW, signTestLeaf, type TestCa } from '../../support/crypto-fixtures.ts'

const INSTANCE = '01JAB2CD3EF4GH5JK6MN7PQ8RS'
const SUBJECT = { commonName: INSTANCE, organization: 'builder', serialNumber: '7' }

describe('botCallerOf', () => {
  let ca: TestCa
  let key: KeyPair
  before(async () => {
    ca = await createTestCa()
    key = await generateKeyPair()
  })

  const read = (input: Partial<LeafInput> = {}, nowSeconds = NOW) => {
    const bot: Partial<LeafInput> = { subject: SUBJECT, extKeyUsages: ['clientAuth'] }
    const leaf = signTestLeaf(ca, key.publicKeyDer, { ...bot, ...input })
    return botCallerOf(parseCertificate(leaf), nowSeconds, '192.0.2.1')
  }

  it('reads bot, instance, generation and key from a bot certificate', () => {
    assert.deepEqual(read(), {
      kind: 'bot',
      bot: 'builder',
      instanceId: INSTANCE,
      generation: 7,
      keySha256: spkiSha256(key.publicKeyDer),
      notAfter: NOW + 3600,
      expired: false,
      address: '192.0.2.1',
    })
  })

  it('says that a certificate has expired from its last second on', () => {
    assert.equal(read({}, NOW + 3599).expired, false)
    assert.equal(read({}, NOW + 3600).expired, true)
  })

  const foreign: readonly (readonly [string, Partial<LeafInput>])[] = [
    ["the authority's own", { extKeyUsages: ['serverAuth'] }],
    ['a workload', { extKeyUsages: ['serverAuth', 'clientAuth'] }],
    ['nobody', { subject: {} }],
    ['no bot', { subject: { commonName: INSTANCE, serialNumber: '7' } }],
    ['no instance', { subject: { organization: 'builder', serialNumber: '7' } }],
    ['an instance with another kind of name', { subject: { ...SUBJECT, commonName: 'authority' } }],
    ['an instance in lower case', { subject: { ...SUBJECT, commonName: INSTANCE.toLowerCase() } }],
    ['no generation', { subject: { commonName: INSTANCE, organization: 'builder' } }],
    ...['0', '-1', '07', '1.5', '1e3', '99999999999999999999'].map(
      (serialNumber) =>
        [`the generation ${serialNumber}`, { subject: { ...SUBJECT, serialNumber } }] as const,
    ),
  ]
  for (const [what, input] of foreign) {
    it(`rejects the certificate of ${what}`, () => {
      assert.throws(() => read(input), { code: 'ERR_AUTHORITY_FOREIGN_CERTIFICATE' })
    })
  }

  it('rejects a CA', () => {
    assert.throws(() => botCallerOf(parseCertificate(ca.der), NOW, ''), {
      code: 'ERR_AUTHORITY_FOREIGN_CERTIFICATE',
    })
  })

  it('is named in the audit log', () => {
    assert.equal(actorOf(read()), `bot:builder/${INSTANCE}`)
    assert.equal(actorOf({ kind: 'anonymous', address: '192.0.2.1' }), 'anonymous')
    assert.equal(actorOf({ kind: 'admin', uid: 0, pid: 7 }), 'uid:0')
    assert.equal(actorOf({ kind: 'admin', uid: 0, loginUid: 1000, pid: 7 }), 'uid:0 (login 1000)')
  })
})
