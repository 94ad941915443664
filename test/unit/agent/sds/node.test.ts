import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { wantsPlainCa } from '../../../../src/agent/sds/node.ts'
import type { DiscoveryRequest__Output } from '../../../../src/rpc/gen/envoy/service/discovery/v3/DiscoveryRequest.ts'
import { decodeMessage, encodeMessage } from '../../../../src/rpc/services.ts'

const REQUEST = 'envoy.service.discovery.v3.DiscoveryRequest'

function asked(node: object | undefined): boolean {
  const request = decodeMessage(REQUEST, encodeMessage(REQUEST, node ? { node } : {}))
  return wantsPlainCa((request as DiscoveryRequest__Output).node)
}

const metadata = (value: object, name = 'disable_spiffe_cert_validation') => ({
  metadata: { fields: { [name]: value } },
})
const version = (majorNumber: number, minorNumber: number) => ({
  userAgentName: 'envoy',
  userAgentBuildVersion: { version: { majorNumber, minorNumber, patch: 4 } },
})

describe('a node', () => {
  for (const [what, node] of [
    ['with disable_spiffe_cert_validation: true', metadata({ boolValue: true })],
    ['with disable_spiffe_cert_validation: "true"', metadata({ stringValue: 'true' })],
    ['of version 1.17', version(1, 17)],
    ['of version 0.30', version(0, 30)],
  ] as const) {
    it(`${what} gets plain CA certificates`, () => assert.equal(asked(node), true))
  }

  for (const [what, node] of [
    ['that states nothing about itself', undefined],
    ['without metadata', { id: 'a' }],
    ['with disable_spiffe_cert_validation: false', metadata({ boolValue: false })],
    ['with disable_spiffe_cert_validation: "yes"', metadata({ stringValue: 'yes' })],
    ['with disable_spiffe_cert_validation: 1', metadata({ numberValue: 1 })],
    ['with other metadata', metadata({ boolValue: true }, 'other')],
    ['of version 1.18', version(1, 18)],
    ['of version 2.0', version(2, 0)],
    ['with a version as text', { userAgentVersion: '1.17' }],
  ] as const) {
    it(`${what} gets the SPIFFE validator`, () => assert.equal(asked(node), false))
  }
})
