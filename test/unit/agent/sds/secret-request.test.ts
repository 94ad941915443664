import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DiscoveryRequest__Output } from '../../../../src/rpc/gen/envoy/service/discovery/v3/DiscoveryRequest.ts'
import { decodeMessage } from '../../../../src/rpc/services.ts'

/** A field with this number and short content. */
const field = (number: number, content: Buffer): Buffer =>
  Buffer.concat([Buffer.of((number << 3) | 2, content.length), content])

const read = (bytes: Buffer): DiscoveryRequest__Output =>
  decodeMessage('envoy.service.discovery.v3.DiscoveryRequest', bytes) as DiscoveryRequest__Output

// Parsing a list or a tree takes a hundred times as long as skipping its bytes, and any process of
// the host may send one.
describe('in a request for secrets', () => {
  it('the details of a rejection are not parsed', () => {
    const details = field(3, field(1, Buffer.from('type')))
    const { errorDetail } = read(field(6, Buffer.concat([field(2, Buffer.from('why')), details, details])))
    assert.deepEqual({ ...errorDetail }, { code: 0, message: 'why' })
  })

  it('the metadata of a build are not parsed', () => {
    const { node } = read(field(2, field(8, field(2, field(1, field(1, Buffer.from('key')))))))
    assert.deepEqual({ ...node?.userAgentBuildVersion }, { version: null })
  })
})
