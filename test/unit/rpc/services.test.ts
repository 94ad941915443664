import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SyncResponse__Output } from '../../../src/rpc/gen/signet/v1/SyncResponse.ts'
import { decodeMessage, encodeMessage, method, service } from '../../../src/rpc/services.ts'

describe('service', () => {
  it('knows the methods of the Workload API by their paths', () => {
    const workloadApi = service('SpiffeWorkloadAPI')
    assert.equal(workloadApi['FetchX509SVID']?.path, '/SpiffeWorkloadAPI/FetchX509SVID')
    assert.equal(workloadApi['FetchX509SVID']?.responseStream, true)
    assert.equal(workloadApi['FetchJWTSVID']?.responseStream, false)
    assert.equal(Object.keys(workloadApi).length, 7)
  })

  it('puts the package before the names of our own services', () => {
    assert.equal(method('signet.v1.SyncService', 'Sync').path, '/signet.v1.SyncService/Sync')
  })

  it('treats an unknown method as a bug', () => {
    assert.throws(() => method('SpiffeWorkloadAPI', 'constructor'), TypeError)
  })

  it('passes encoded bytes through', () => {
    const bytes = encodeMessage('JWTSVIDResponse', { svids: [{ svid: 'a.b.c' }] })
    assert.equal(method('SpiffeWorkloadAPI', 'FetchJWTSVID').responseSerialize(bytes), bytes)
  })

  it('reads 64-bit numbers as strings and enums as names, and fills in absent fields', () => {
    const bytes = encodeMessage('signet.v1.SyncResponse', {
      locks: { locks: [{ expiresMs: '9007199254740993' }] },
    })
    const message = decodeMessage('signet.v1.SyncResponse', bytes) as SyncResponse__Output
    assert.equal(message.locks?.locks[0]?.expiresMs, '9007199254740993')
    assert.deepEqual(message.removals, [])
    assert.equal(message.bot, null)
    const health = encodeMessage('grpc.health.v1.HealthCheckResponse', { status: 'SERVING' })
    assert.deepEqual(decodeMessage('grpc.health.v1.HealthCheckResponse', health), { status: 'SERVING' })
  })
})
