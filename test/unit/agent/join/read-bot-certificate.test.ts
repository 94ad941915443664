import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { readBotCertificate } from '../../../../src/agent/join/read-bot-certificate.ts'
import { generateKeyPair, type KeyPair } from '../../../../src/crypto/keys.ts'
import type { LeafInput } from '../../../../src/crypto/signing-ca.ts'
import type { BotCertificate__Output as BotCertificate } from '../../../../src/rpc/gen/signet/v1/BotCertificate.ts'
import { createTestCa, NOW, signTestLeaf, type TestCa } from '../../../support/crypto-fixtures.ts'

const INSTANCE = '01JBOT'

describe('a bot certificate from the authority', () => {
  let root: TestCa
  let issuing: TestCa
  let foreign: TestCa
  let key: KeyPair
  let other: KeyPair
  before(async () => {
    root = await createTestCa({ name: 'root' })
    issuing = await createTestCa({ name: 'issuing', parent: root, pathLength: 0 })
    foreign = await createTestCa({ name: 'foreign' })
    key = await generateKeyPair()
    other = await generateKeyPair()
  })

  const leaf = (input: Partial<LeafInput> = {}, publicKeyDer = key.publicKeyDer): Buffer =>
    signTestLeaf(issuing, publicKeyDer, {
      subject: { commonName: INSTANCE, organization: 'builder', serialNumber: '2' },
      extKeyUsages: ['clientAuth'],
      ...input,
    })
  const message = (change: Partial<BotCertificate> = {}): BotCertificate => ({
    chain: [leaf(), issuing.der],
    roots: [root.der],
    trustDomain: 'example.org',
    bot: 'builder',
    botInstanceId: INSTANCE,
    generation: '2',
    notAfter: null,
    authorityTime: { seconds: String(NOW), nanos: 500_000_000 },
    ...change,
  })
  const read = (certificate: BotCertificate | null, nowMs = NOW * 1000) =>
    readBotCertificate(certificate, {
      key,
      trustDomain: 'example.org',
      generation: 2,
      botInstanceId: INSTANCE,
      nowMs,
    })

  it("is accepted, with its life by the authority's clock", () => {
    const { identity, roots, clockSkewMs } = read(message(), (NOW + 100) * 1000)
    assert.deepEqual(
      { ...identity, chain: identity.chain.length },
      {
        bot: 'builder',
        botInstanceId: INSTANCE,
        generation: 2,
        chain: 2,
        key,
        receivedMs: (NOW + 100) * 1000,
        lifeMs: 3_599_500,
      },
    )
    assert.deepEqual(roots, [root.der])
    assert.equal(clockSkewMs, 99_500)
  })

  it("is accepted without the authority's time; both clocks then count as equal", () => {
    assert.equal(read(message({ authorityTime: null })).clockSkewMs, 0)
  })

  it('is refused when there is none', () => {
    assert.throws(() => read(null), { code: 'ERR_BOT_CERTIFICATE_INVALID' })
  })

  const wrong: readonly (readonly [string, RegExp, () => BotCertificate])[] = [
    ['has no certificate', /it is empty/, () => message({ chain: [] })],
    ['has no root', /it is empty/, () => message({ roots: [] })],
    ['is garbage', /./, () => message({ chain: [Buffer.from('garbage')] })],
    ['has a garbage root', /./, () => message({ roots: [Buffer.from('garbage')] })],
    ['does not lead to the root', /./, () => message({ roots: [foreign.der] })],
    ['lacks the intermediate CA', /./, () => message({ chain: [leaf()] })],
    [
      'is for another key',
      /another key/,
      () => message({ chain: [leaf({}, other.publicKeyDer), issuing.der] }),
    ],
    ['is for another trust domain', /another trust domain/, () => message({ trustDomain: 'evil.example' })],
    ['names another bot than the message', /another bot/, () => message({ bot: 'admin' })],
    ['names another instance than the message', /another bot/, () => message({ botInstanceId: '01JOTHER' })],
    [
      'is for another instance than requested',
      /another bot instance/,
      () => {
        const subject = { commonName: '01JOTHER', organization: 'builder', serialNumber: '2' }
        return message({ chain: [leaf({ subject }), issuing.der], botInstanceId: '01JOTHER' })
      },
    ],
    [
      'is for another generation',
      /another generation/,
      () => {
        const subject = { commonName: INSTANCE, organization: 'builder', serialNumber: '1' }
        return message({ chain: [leaf({ subject }), issuing.der] })
      },
    ],
    ['has expired', /./, () => message({ chain: [leaf({ notAfter: NOW }), issuing.der] })],
  ]
  for (const [what, why, make] of wrong) {
    it(`that ${what} is refused`, () => {
      assert.throws(() => read(make()), { code: 'ERR_BOT_CERTIFICATE_INVALID', message: why })
    })
  }
})
