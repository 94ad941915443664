import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Knowledge } from '../../src/agent/sync/knowledge.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'
import {
  ack,
  leafOf,
  nack,
  namesOf,
  SECRET_TYPE_URL,
  SecretClient,
  secretsOf,
} from '../support/secret-client.ts'
import { type Serving, startServing } from '../support/serving.ts'
import { createTestTrustDomain } from '../support/svid-fixtures.ts'

const UID = process.getuid?.() ?? 0
const ID = 'spiffe://example.org/web'
const SHOP_ID = 'spiffe://example.org/shop'
const OWN = 'spiffe://example.org'
const WEB = { spiffe_id: '/web', allow: [{ match: { 'workload.unix.uid': UID } }] }
const SHOP = { ...WEB, spiffe_id: '/shop' }

const certificates = (pem = '') => pem.match(/-----BEGIN CERTIFICATE-----/g)?.length ?? 0
const events = (serving: Serving, event: string) => serving.events.filter((each) => each['event'] === event)

describe('a secret', () => {
  for (const name of [ID, 'default']) {
    it(`${name} is the certificate of the caller with its key, alone in the response`, async () => {
      await using serving = await startServing({ identities: { web: WEB } })
      using client = new SecretClient(serving.socket)
      using stream = client.stream([name])
      const response = await stream.next()
      assert.equal(response.typeUrl, SECRET_TYPE_URL)
      const [secret, ...others] = secretsOf(response)
      assert.deepEqual([secret?.name, others], [name, []])
      assert.equal(leafOf(secret).subjectAltName, `URI:${ID}`)
      assert.ok(leafOf(secret).checkPrivateKey(createPrivateKey(secret?.key ?? '')))
    })
  }

  for (const name of [OWN, 'ROOTCA', 'ALL']) {
    it(`${name} is the bundle of the own trust domain, for the SPIFFE validator`, async () => {
      await using serving = await startServing({ identities: { web: WEB } })
      using client = new SecretClient(serving.socket)
      using stream = client.stream([name])
      const [secret] = await stream.secrets()
      assert.equal(secret?.name, name)
      assert.deepEqual(Object.keys(secret?.trustDomains ?? {}), ['example.org'])
      const root = new X509Certificate(secret?.trustDomains?.['example.org'] ?? '')
      assert.deepEqual(root.raw, serving.issuer.bundle().x509Der())
    })
  }

  it('that is a bundle is served without issuing a certificate', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['ROOTCA', 'ALL', OWN])
    assert.equal((await stream.secrets()).length, 3)
    assert.equal(serving.issuer.asked.x509.length, 0)
    stream.send({ resourceNames: [ID] })
    assert.equal(leafOf((await stream.secrets())[0]).subjectAltName, `URI:${ID}`)
  })

  it('that is a federated bundle is only for callers whose identity federates with it', async () => {
    const { bundle } = await createTestTrustDomain('partner.example')
    const knowledge: Partial<Knowledge> = { federatedBundles: new Map([['partner.example', bundle]]) }
    const federating = { ...WEB, federates_with: ['partner.example'] }
    await using serving = await startServing({ identities: { web: WEB }, knowledge })
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['ALL', 'spiffe://partner.example'])
    const [, closed] = await stream.secrets()
    const nobody = closed?.trustDomains?.['partner.example'] ?? ''
    assert.equal(new X509Certificate(nobody).subject, 'O=Signet\nCN=Nobody')
    serving.learn(knowledge, { web: federating })
    const [all, partner] = await stream.secrets()
    assert.deepEqual(Object.keys(all?.trustDomains ?? {}), ['example.org', 'partner.example'])
    assert.deepEqual(Object.keys(partner?.trustDomains ?? {}), ['partner.example'])
  })

  it('can be requested by names that the operator configured', async () => {
    const sdsNames = {
      default_svid_name: 'mine',
      default_bundle_name: 'roots',
      default_all_bundles_name: 'everybody',
    }
    await using serving = await startServing({ identities: { web: WEB }, sdsNames })
    using client = new SecretClient(serving.socket)
    const response = await client.fetch(['mine', 'roots', 'everybody', 'default', 'ROOTCA', 'ALL'])
    assert.deepEqual(namesOf(secretsOf(response)), ['everybody', 'mine', 'roots'])
  })

  it('is a list of CA certificates for a node without the SPIFFE validator, which then has no `ALL`', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    const metadata = { fields: { disable_spiffe_cert_validation: { boolValue: true } } }
    using stream = client.stream(['ROOTCA'], { node: { id: 'a', metadata } })
    const first = await stream.next()
    assert.equal(certificates(secretsOf(first)[0]?.trustedCa), 1)
    stream.send(ack(first, [OWN, 'ALL']))
    const [second, ...others] = await stream.secrets()
    assert.deepEqual([second?.name, certificates(second?.trustedCa), others], [OWN, 1, []])
    const [told] = events(serving, 'secret.unavailable')
    assert.deepEqual([told?.['names'], told?.['reasons']], [['ALL'], ['mixes_trust_domains']])
  })
})

describe('a request', () => {
  it('for several names returns those that are available; the others are logged once and counted', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    const asked = ['default', ID, 'ROOTCA', 'ALL', OWN, SHOP_ID, 'file-root:system']
    using stream = client.stream(asked)
    let response = await stream.next()
    while (secretsOf(response).length < 5) response = await stream.next() // certificates are made meanwhile
    assert.deepEqual(namesOf(secretsOf(response)), ['ALL', 'ROOTCA', 'default', OWN, ID])
    stream.send(ack(response, asked))
    using again = client.stream(asked)
    assert.equal((await again.secrets()).length, 5)
    const told = events(serving, 'secret.unavailable')
    assert.deepEqual(
      told.map((each) => [each['names'], each['reasons']]),
      [
        [
          ['file-root:system', SHOP_ID],
          ['unknown_name', 'not_entitled'],
        ],
      ],
    )
    const metrics = serving.metrics.expose()
    for (const reason of ['not_entitled', 'unknown_name']) {
      assert.ok(metrics.includes(`signet_sds_unavailable_total{reason="${reason}"} 2`))
    }
  })

  it('without names returns every secret if it is the first of a stream, and nothing later', async () => {
    await using serving = await startServing({ identities: { web: WEB, shop: SHOP } })
    using client = new SecretClient(serving.socket)
    using everything = client.stream([])
    const seen = new Set<string>()
    while (seen.size < 3) for (const { name } of await everything.secrets()) seen.add(name)
    assert.deepEqual([...seen].sort(), [OWN, SHOP_ID, ID])
    using stream = client.stream(['ROOTCA'])
    const first = await stream.next()
    stream.send(ack(first, []))
    await client.settle()
    assert.equal(stream.waiting, 0)
  })

  it('that resumes a stream with the current version is answered with the same version', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['default'])
    const first = await stream.next()
    using again = client.stream(['default'], { versionInfo: first.versionInfo })
    const second = await again.next()
    assert.equal(second.versionInfo, first.versionInfo)
    assert.deepEqual(second.resources, first.resources)
    assert.notEqual(second.nonce, first.nonce)
  })

  it('that acknowledges a response is not answered, and neither is a stale one', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['ROOTCA'])
    const first = await stream.next()
    stream.send(ack(first, ['ROOTCA']))
    await serving.issuer.rotate()
    serving.learn()
    const second = await stream.next()
    stream.send(ack(first, ['ALL'])) // it had not heard of the second yet
    await client.settle()
    assert.equal(stream.waiting, 0)
    stream.send(ack(second, ['ALL']))
    assert.deepEqual(namesOf(await stream.secrets()), ['ALL'])
  })

  it('that rejects a response is logged with the message of Envoy, counted, and answered at the next change', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['ROOTCA'])
    const first = await stream.next()
    stream.send(nack(first, ['ROOTCA'], `no good\n\u0007${'x'.repeat(5_000)}`))
    serving.learn()
    await client.settle()
    assert.equal(stream.waiting, 0)
    const [told, ...others] = events(serving, 'secret.rejected')
    assert.equal(others.length, 0)
    assert.deepEqual(told?.['names'], ['ROOTCA'])
    assert.match(String(told?.['envoySays']), /^no good {2}x{100}/)
    assert.ok(String(told?.['envoySays']).length <= 1_024)
    assert.match(serving.metrics.expose(), /signet_sds_rejected_total\{method="stream"\} 1/)
    await serving.issuer.rotate()
    serving.learn()
    assert.equal(certificates((await stream.secrets())[0]?.trustDomains?.['example.org']), 2)
  })

  const WRONG: readonly (readonly [what: string, request: object, status: number])[] = [
    ['for another type', { typeUrl: 'type.googleapis.com/envoy.Listener', resourceNames: ['a'] }, 3],
    ['with an empty name', { resourceNames: ['ROOTCA', ''] }, 3],
    ['with too long a name', { resourceNames: ['x'.repeat(3_000)] }, 3],
    ['with too many names', { resourceNames: Array.from({ length: 300 }, (_, n) => `${n}`) }, 3],
  ]
  for (const [what, request, code] of WRONG) {
    it(`${what} ends its stream with ${code}, and the status does not quote it`, async () => {
      await using serving = await startServing({ identities: { web: WEB } })
      using client = new SecretClient(serving.socket)
      using stream = client.open('StreamSecrets')
      stream.send(request)
      const ended = await stream.ended
      assert.equal(ended.code, code)
      assert.doesNotMatch(ended.details, /Listener|xxx|299/)
    })
  }

  it('without a type is a request for secrets', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['ROOTCA'], { typeUrl: '' })
    assert.equal((await stream.next()).typeUrl, SECRET_TYPE_URL)
  })

  it('is answered before the stream ends, even if the client has finished sending', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['default'])
    stream.call.end()
    assert.deepEqual(namesOf(await stream.secrets()), ['default'])
    assert.equal((await stream.ended).code, 14)
    using vain = client.stream([SHOP_ID])
    vain.call.end()
    assert.equal((await vain.ended).code, 14)
  })
})

describe('FetchSecrets', () => {
  it('waits for certificates and leaves out what is unavailable', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    const response = await client.fetch(['default', 'ROOTCA', SHOP_ID])
    assert.equal(response.typeUrl, SECRET_TYPE_URL)
    assert.deepEqual(namesOf(secretsOf(response)), ['ROOTCA', 'default'])
  })

  it('fails with PERMISSION_DENIED if no name is available', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    const refused = { code: 7, details: 'no identity issued' }
    await assert.rejects(client.fetch([SHOP_ID]), refused)
    serving.learn({}, {})
    await assert.rejects(client.fetch(['ROOTCA']), refused)
  })

  it('fails with UNAVAILABLE before the first sync, and with INVALID_ARGUMENT for another type', async () => {
    await using serving = await startServing({})
    using client = new SecretClient(serving.socket)
    await assert.rejects(client.fetch(['ROOTCA']), { code: 14 })
    await assert.rejects(client.fetch(['ROOTCA'], { typeUrl: 'other' }), { code: 3 })
  })
})

describe('the audit log', () => {
  it('records which certificates were delivered, but not bundles', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['default'])
    const serial = leafOf((await stream.secrets())[0]).serialNumber.toLowerCase()
    await client.fetch(['default', 'ROOTCA'])
    serving.callers.deliveries[Symbol.dispose]()
    const [first, second] = serving.delivered
    assert.deepEqual(first?.svids, [{ spiffeId: ID, serial }])
    assert.equal(first?.process.pid, process.pid)
    // Counted per connection, and summed for the report.
    assert.equal((first?.count ?? 0) + (second?.count ?? 0), 2)
  })
})

describe('a bundle', () => {
  it('does not verify certificates of another trust domain', async () => {
    const { bundle } = await createTestTrustDomain('partner.example')
    const bundles = [bundle, Bundle.of({ trustDomain: 'a', x509Authorities: [], jwtAuthorities: [] })]
    const federatedBundles = new Map(bundles.map((each) => [each.trustDomain, each]))
    const web = { ...WEB, federates_with: ['partner.example', 'a'] }
    await using serving = await startServing({ identities: { web }, knowledge: { federatedBundles } })
    using client = new SecretClient(serving.socket)
    const [all] = secretsOf(await client.fetch(['ALL']))
    const roots = Object.entries(all?.trustDomains ?? {}).map(
      ([name, pem]) => [name, new X509Certificate(pem).raw] as const,
    )
    assert.deepEqual(roots, [
      ['example.org', serving.issuer.bundle().x509Der()],
      ['partner.example', bundle.x509Der()],
    ])
  })
})
