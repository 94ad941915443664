import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Knowledge } from '../../src/agent/sync/knowledge.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'
import { SecretClient } from '../support/secret-client.ts'
import { type Serving, startServing } from '../support/serving.ts'
import { createTestTrustDomain } from '../support/svid-fixtures.ts'

const UID = process.getuid?.() ?? 0
const WEB = { spiffe_id: '/web', allow: [{ match: { 'workload.unix.uid': UID } }] }

describe('a withdrawn bundle', () => {
  const NOBODY = 'O=Signet\nCN=Nobody'
  const PARTNER = 'spiffe://partner.example'
  const FEDERATING = { ...WEB, federates_with: ['partner.example'] }
  const subjectOf = (pem = ''): string => new X509Certificate(pem).subject

  for (const mode of ['stream', 'delta'] as const) {
    for (const [how, withdraw] of [
      ['with its federation', (serving: Serving) => serving.learn({}, { web: FEDERATING })],
      [
        'by a bundle without keys',
        (serving: Serving) => {
          const empty = Bundle.parse('partner.example', '{"keys":[]}')
          serving.learn({ federatedBundles: new Map([['partner.example', empty]]) }, { web: FEDERATING })
        },
      ],
      [
        'with the right to it',
        (serving: Serving, knowledge: Partial<Knowledge>) =>
          serving.learn(knowledge, { web: { ...WEB, revision: '2' } }),
      ],
    ] as const) {
      it(`${how}: Envoys that subscribe by name (${mode}) are told, new ones too, and get it again once it is granted`, async () => {
        const { bundle } = await createTestTrustDomain('partner.example')
        const knowledge: Partial<Knowledge> = { federatedBundles: new Map([['partner.example', bundle]]) }
        await using serving = await startServing({ identities: { web: FEDERATING }, knowledge })
        using client = new SecretClient(serving.socket)
        using stream = client[mode]([PARTNER])
        const [open] = await stream.secrets()
        assert.notEqual(subjectOf(open?.trustDomains?.['partner.example']), NOBODY)
        withdraw(serving, knowledge)
        const [closed] = await stream.secrets()
        assert.equal(closed?.name, PARTNER)
        assert.equal(subjectOf(closed?.trustDomains?.['partner.example']), NOBODY)
        using late = client[mode]([PARTNER])
        assert.equal(subjectOf((await late.secrets())[0]?.trustDomains?.['partner.example']), NOBODY)
        serving.learn(knowledge, { web: { ...FEDERATING, revision: '3' } })
        for (const each of [stream, late]) {
          assert.deepEqual((await each.secrets())[0]?.trustDomains, open?.trustDomains)
        }
      })
    }

    for (const name of ['ROOTCA', 'ALL', 'spiffe://example.org']) {
      it(`${name} is emptied when the proxy loses every identity (${mode})`, async () => {
        await using serving = await startServing({ identities: { web: WEB } })
        using client = new SecretClient(serving.socket)
        using stream = client[mode]([name])
        const [open] = await stream.secrets()
        serving.learn({}, {})
        const [closed] = await stream.secrets()
        assert.deepEqual(Object.values(closed?.trustDomains ?? {}).map(subjectOf), [NOBODY])
        serving.learn({}, { web: { ...WEB, revision: '2' } })
        assert.deepEqual((await stream.secrets())[0]?.trustDomains, open?.trustDomains)
      })
    }
  }
})

describe('the metadata that the Workload API requires of every request', () => {
  const refused = { code: 3, details: 'security header missing from request' }

  it('is required of Envoy if the operator configures it', async () => {
    await using serving = await startServing({ identities: { web: WEB }, requireMetadata: true })
    using without = new SecretClient(serving.socket)
    await assert.rejects(without.fetch(['default']), refused)
    for (const stream of [without.stream(['ROOTCA']), without.delta(['ROOTCA'])]) {
      await assert.rejects(stream.next(), refused)
    }
    using client = new SecretClient(serving.socket, {}, { 'workload.spiffe.io': 'true' })
    using stream = client.stream(['ROOTCA'])
    assert.equal((await stream.secrets())[0]?.name, 'ROOTCA')
    using delta = client.delta(['ROOTCA'])
    assert.equal((await delta.secrets())[0]?.name, 'ROOTCA')
    assert.ok(await client.fetch(['default']))
  })
})
