import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startServing } from '../support/serving.ts'
import { eventually, SHOP, UID, WEB } from '../support/workload-calls.ts'
import { WorkloadClient } from '../support/workload-client.ts'
import { needsTwoUsers, WorkloadProcess } from '../support/workload-process.ts'

describe('attestation over the socket', () => {
  it('determines user and group names, path and digest of the executable', async () => {
    const rule = {
      spiffe_id: '/svc/{{ workload.unix.user }}',
      allow: [
        {
          match: {
            'workload.unix.uid': UID,
            'workload.unix.binary_path': process.execPath,
            'workload.unix.binary_sha256': { glob: '*' },
          },
        },
      ],
    }
    await using serving = await startServing({ identities: { web: rule } })
    using client = new WorkloadClient(serving.socket)
    await client.first('FetchX509SVID')
    const [claim] = serving.issuer.asked.x509
    assert.ok(claim)
    const { unix } = claim.workloadAttributes as { unix: Record<string, unknown> }
    assert.equal(unix['pid'], process.pid)
    assert.match(String(unix['binary_sha256']), /^[0-9a-f]{64}$/)
    assert.match(claim.spiffeId, /^spiffe:\/\/example\.org\/svc\/\w+/)
  })

  it('serves without the digest when the executable is larger than the limit', async () => {
    const identities = {
      bytes: { ...WEB, allow: [{ match: { 'workload.unix.binary_sha256': { glob: '*' } } }] },
      web: SHOP,
    }
    await using serving = await startServing({ identities, digestMaxBytes: 10 })
    using client = new WorkloadClient(serving.socket)
    const { svids } = await client.first('FetchX509SVID')
    assert.deepEqual(
      svids.map((svid: { spiffeId: string }) => svid.spiffeId),
      ['spiffe://example.org/shop'],
    )
  })

  it('ends a stream, as UNAVAILABLE, of a process that runs something else by the next push', async () => {
    const { execThenRead } = await import('../support/exec-client.ts')
    await using serving = await startServing({ identities: { web: WEB } })
    await using changed = await execThenRead(serving.socket)
    await changed.executed
    serving.learn({}, { web: WEB, shop: SHOP })
    await eventually(() => serving.events.some(({ event }) => event === 'process.changed'))
    assert.equal(
      serving.events.find(({ event }) => event === 'process.changed')?.['reason'],
      'other executable',
    )
  })

  it('forgets a caller that is killed', { skip: needsTwoUsers }, async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    await using workload = new WorkloadProcess({ socket: serving.socket, method: 'FetchX509SVID', uid: UID })
    await workload.outcome()
    workload.kill()
    serving.learn({}, { web: WEB, shop: SHOP })
    using client = new WorkloadClient(serving.socket)
    assert.equal((await client.first('FetchX509SVID')).svids.length, 2)
  })
})

describe('a connection at its limit of streams', () => {
  it('is served on every one of them', async () => {
    await using serving = await startServing({ identities: { web: WEB }, maxStreamsPerConnection: 2 })
    using client = new WorkloadClient(serving.socket)
    using one = client.stream('FetchX509SVID')
    using two = client.stream('FetchX509SVID')
    await Promise.all([one.next(), two.next()])
    serving.learn({}, { web: WEB, shop: SHOP })
    assert.equal((await one.next()).svids.length, 2)
    assert.equal((await two.next()).svids.length, 2)
  })
})
