import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { ack, SECRET_TYPE_URL, SecretClient } from '../support/secret-client.ts'
import { startServing } from '../support/serving.ts'

const UID = process.getuid?.() ?? 0
const ID = 'spiffe://example.org/web'
const WEB = { spiffe_id: '/web', allow: [{ match: { 'workload.unix.uid': UID } }] }

describe('StreamSecrets', () => {
  it('gives a certificate with its key by SPIFFE ID', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.stream([ID])
    const response = await stream.next()
    assert.equal(response.typeUrl, SECRET_TYPE_URL)
    assert.equal(response.resources.length, 1)
    stream.send(ack(response, [ID]))
  })

  it('gives own bundle', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    using stream = client.stream(['ROOTCA'])
    const [secret] = await stream.secrets()
    assert.deepEqual(Object.keys(secret?.trustDomains ?? {}), ['example.org'])
    using again = client.stream(['default'])
    const [svid] = await again.secrets()
    const leaf = new X509Certificate(svid?.chain ?? '')
    assert.equal(leaf.subjectAltName, `URI:${ID}`)
    assert.ok(leaf.checkPrivateKey(createPrivateKey(svid?.key ?? '')))
  })
})
