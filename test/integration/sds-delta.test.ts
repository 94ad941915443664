import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { namesOf, SecretClient, secretsOf } from '../support/secret-client.ts'
import { type Serving, startServing } from '../support/serving.ts'

const UID = process.getuid?.() ?? 0
const ID = 'spiffe://example.org/web'
const SHOP_ID = 'spiffe://example.org/shop'
const WEB = { spiffe_id: '/web', allow: [{ match: { 'workload.unix.uid': UID } }] }
const SHOP = { ...WEB, spiffe_id: '/shop' }

const events = (serving: Serving, event: string) => serving.events.filter((each) => each['event'] === event)

describe('DeltaSecrets', () => {
  it('sends each secret with its version, only what changes, and what is not there as removed', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.delta(['default', 'ROOTCA', SHOP_ID])
    const seen = new Map<string, string>()
    const removed: string[] = []
    while (seen.size < 2) {
      const response = await stream.next()
      for (const { name, version } of secretsOf(response)) seen.set(name, version)
      removed.push(...response.removedResources)
      stream.send({ responseNonce: response.nonce })
    }
    assert.deepEqual(removed, [SHOP_ID])
    serving.learn({}, { web: WEB, shop: SHOP })
    // `default` is the first by name, and that is `shop` now.
    const later = new Set<string>()
    while (later.size < 2) for (const { name } of await stream.secrets()) later.add(name)
    assert.deepEqual([...later].sort(), ['default', SHOP_ID])
    serving.learn({}, { shop: SHOP })
    await client.settle()
    assert.equal(stream.waiting, 0)
  })

  it('sends nothing that the client has from an earlier stream', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.delta(['ROOTCA'])
    const [{ version } = { version: '' }] = await stream.secrets()
    const initialResourceVersions = { ROOTCA: version, default: 'old' }
    using again = client.delta(['ROOTCA', 'default'], { initialResourceVersions })
    assert.deepEqual(namesOf(await again.secrets()), ['default'])
  })

  it('reports a withdrawal as removed, and delivers what is given back on the same stream', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.delta([ID])
    await stream.next()
    serving.learn({}, {})
    assert.deepEqual((await stream.next()).removedResources, [ID])
    serving.learn({}, { web: WEB })
    assert.deepEqual(namesOf(await stream.secrets()), [ID])
  })

  it('of which every name was given up sends nothing', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.delta(['ROOTCA'])
    await stream.next()
    stream.send({ resourceNamesUnsubscribe: ['ROOTCA'] })
    await client.settle()
    await serving.issuer.rotate()
    serving.learn()
    await client.settle()
    assert.equal(stream.waiting, 0)
  })

  it('logs and counts a refusal', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.delta(['ROOTCA'])
    const { nonce: responseNonce } = await stream.next()
    stream.send({ responseNonce, errorDetail: { code: 13, message: 'bad PEM' } })
    await client.settle()
    assert.equal(events(serving, 'secret.rejected')[0]?.['envoySays'], 'bad PEM')
    assert.equal(stream.waiting, 0)
  })
})
