import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { ack, leafOf, namesOf, SecretClient, secretsOf } from '../support/secret-client.ts'
import { type Serving, startServing } from '../support/serving.ts'

const UID = process.getuid?.() ?? 0
const ID = 'spiffe://example.org/web'
const SHOP_ID = 'spiffe://example.org/shop'
const WEB = { spiffe_id: '/web', allow: [{ match: { 'workload.unix.uid': UID } }] }
const SHOP = { ...WEB, spiffe_id: '/shop' }

const certificates = (pem = '') => pem.match(/-----BEGIN CERTIFICATE-----/g)?.length ?? 0
const events = (serving: Serving, event: string) => serving.events.filter((each) => each['event'] === event)

describe('a change', () => {
  it('of a certificate is sent at half its life', async () => {
    await using serving = await startServing({
      identities: { web: WEB },
      prepare: (issuer) => {
        issuer.ttlSeconds = 2
      },
    })
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['default'])
    const serials = new Set<string>()
    for (let responses = 0; responses < 3; responses += 1) {
      serials.add(leafOf((await stream.secrets())[0]).serialNumber)
    }
    assert.equal(serials.size, 3)
  })

  it('of the CA is sent first as a bundle, then as a certificate of it', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using svid = client.stream(['default'])
    using roots = client.stream(['ROOTCA'])
    const before = leafOf((await svid.secrets())[0])
    await roots.next()
    await serving.issuer.rotate()
    serving.learn()
    const pem = (await roots.secrets())[0]?.trustDomains?.['example.org']
    assert.equal(certificates(pem), 2)
    assert.equal(svid.waiting, 0)
    const after = leafOf((await svid.secrets())[0])
    assert.notEqual(after.serialNumber, before.serialNumber)
    assert.ok(after.checkIssued(new X509Certificate(pem ?? '')))
  })

  it('that does not affect a secret is not sent', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.stream([ID, 'ROOTCA'])
    while ((await stream.secrets()).length < 2);
    for (let times = 0; times < 5; times += 1) serving.learn()
    serving.learn({}, { web: WEB, shop: SHOP })
    await client.settle()
    assert.equal(stream.waiting, 0)
  })

  it('that takes the identity away does not end the stream; what is given back arrives on it', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['default'])
    const first = await stream.next()
    stream.send(ack(first, ['default']))
    serving.learn({}, {})
    await client.settle()
    assert.equal(stream.waiting, 0)
    assert.equal(events(serving, 'identity.denied').length, 1)
    serving.learn({}, { web: { ...WEB, revision: '2' } })
    assert.equal(leafOf((await stream.secrets())[0]).subjectAltName, `URI:${ID}`)
  })

  for (const [what, more] of [
    ['an identity', { lockOn: () => 'a lock' }],
    ['the bot', { botLock: 'a lock' }],
  ] as const) {
    it(`that locks ${what} does not end the stream either; it is to trust nobody until the lock is taken away`, async () => {
      await using serving = await startServing({ identities: { web: WEB } })
      using client = new SecretClient(serving.socket)
      using stream = client.stream(['ROOTCA'])
      stream.send(ack(await stream.next(), ['ROOTCA']))
      await serving.issuer.rotate()
      serving.learn(more)
      const closed = await stream.next()
      assert.deepEqual(Object.keys(secretsOf(closed)[0]?.trustDomains ?? {}), ['nobody.invalid'])
      stream.send(ack(closed, ['ROOTCA']))
      await client.settle()
      assert.equal(stream.waiting, 0)
      serving.learn()
      assert.equal(certificates((await stream.secrets())[0]?.trustDomains?.['example.org']), 2)
    })
  }

  it('that grants what was asked for before reaches the stream that waits for it', async () => {
    await using serving = await startServing({ identities: {} })
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['default'])
    using shop = client.stream([SHOP_ID])
    await client.settle()
    serving.learn({}, { web: WEB })
    assert.deepEqual(namesOf(await stream.secrets()), ['default'])
    serving.learn({}, { web: WEB, shop: SHOP })
    assert.deepEqual(namesOf(await shop.secrets()), [SHOP_ID])
  })

  it('before which the agent knew nothing reaches streams that were opened then', async () => {
    await using serving = await startServing({})
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['ROOTCA'])
    using delta = client.delta(['ROOTCA', SHOP_ID])
    await client.settle()
    assert.deepEqual([stream.waiting, delta.waiting], [0, 0])
    serving.learn({}, { web: WEB })
    assert.deepEqual(namesOf(await stream.secrets()), ['ROOTCA'])
    const { removedResources } = await delta.next()
    assert.deepEqual(removedResources, [SHOP_ID])
  })

  it('at which the authority cannot be reached takes nothing away, and sends nothing expired', async () => {
    await using serving = await startServing({
      identities: { web: WEB },
      prepare: (issuer) => {
        issuer.ttlSeconds = 1
        issuer.fails = () => (issuer.asked.x509.length > 1 ? new TypeError('away') : undefined)
      },
    })
    using client = new SecretClient(serving.socket)
    using stream = client.delta(['default'])
    const expires = leafOf((await stream.secrets())[0]).validToDate.getTime()
    while (Date.now() <= expires) await new Promise((resolve) => setTimeout(resolve, 100))
    serving.learn()
    await client.settle()
    assert.equal(stream.waiting, 0)
    using late = client.stream(['default'])
    await client.settle()
    assert.equal(late.waiting, 0)
    serving.issuer.fails = () => undefined
    await new Promise((resolve) => setTimeout(resolve, 1_000)) // failures are tried again after a second
    serving.learn()
    assert.deepEqual(namesOf(await late.secrets()), ['default'])
  })
})
