import assert from 'node:assert/strict'
import http2 from 'node:http2'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { status } from '@grpc/grpc-js'
import { grpcFrame, type RawCall, rawCall } from '../support/rpc-stack.ts'
import { identityFor, Stack } from '../support/stack.ts'
import type { Ended, WorkloadClient } from '../support/workload-client.ts'

/** What existing clients do on the wire, beyond the letter of the documents. */

const UID = process.getuid?.() ?? 0
const ENTITLED = { 'workload.spiffe.io': 'true' }
const FETCH = '/SpiffeWorkloadAPI/FetchJWTSVID'
/** JWTSVIDRequest with the audience `a`: field 1, one byte. */
const FOR_A = Buffer.from([0x0a, 1, 0x61])

describe('the Workload API on the wire', () => {
  let stack: Stack
  let client: WorkloadClient

  before(async () => {
    stack = await Stack.start({ inProcess: true })
    await stack.apply(identityFor(UID))
    client = stack.client()
    await client.first('FetchX509SVID')
  })
  after(async () => {
    client?.[Symbol.dispose]()
    await stack?.[Symbol.asyncDispose]()
  })

  function connect(): http2.ClientHttp2Session {
    const session = http2.connect('http://localhost', { createConnection: () => net.connect(stack.socket) })
    return session.on('error', () => undefined)
  }

  async function call(
    method: string,
    options: Parameters<typeof rawCall>[2],
  ): Promise<Awaited<RawCall['ended']>> {
    const session = connect()
    try {
      return await rawCall(session, method, { ...options, headers: { ...ENTITLED, ...options?.headers } })
        .ended
    } finally {
      session.destroy()
    }
  }

  for (const [client, authority] of [
    ['grpc-go, tonic and grpc-js', 'localhost'],
    ['C-core 1.57 and later', 'tmp%2Fsignet%2Fagent.sock'],
    ['Envoy', 'spire_agent'],
  ] as const) {
    it(`interop 2: accepts the :authority of ${client}, ${authority}`, async () => {
      const headers = { ':authority': authority }
      assert.equal((await call(FETCH, { headers, body: grpcFrame(FOR_A) })).status, status.OK)
    })
  }

  it('interop 2: accepts a host header instead of the :authority', async () => {
    assert.equal(
      (await call(FETCH, { headers: { host: 'localhost' }, body: grpcFrame(FOR_A) })).status,
      status.OK,
    )
  })

  it('answers health checks without the SPIFFE metadata, which probes do not send', async () => {
    const session = connect()
    try {
      const { status: code } = await rawCall(session, '/grpc.health.v1.Health/Check').ended
      assert.equal(code, status.OK)
    } finally {
      session.destroy()
    }
  })

  it('accepts a request that is compressed with gzip', async () => {
    const headers = { 'grpc-encoding': 'gzip' }
    const body = grpcFrame(gzipSync(FOR_A), true)
    assert.equal((await call(FETCH, { headers, body })).status, status.OK)
  })

  for (const method of [
    'FetchJWTSVID',
    'ValidateJWTSVID',
    'FetchX509SVID',
    'FetchX509Bundles',
    'FetchJWTBundles',
  ]) {
    it(`answers ${method} when END_STREAM is on the headers, without a message`, async () => {
      const ended = await call(`/SpiffeWorkloadAPI/${method}`, { body: 'none' })
      assert.ok(ended.status !== undefined && ended.status !== status.OK && ended.status !== status.CANCELLED)
    })
  }

  it('interop 3: ends a stream at its deadline with DEADLINE_EXCEEDED, never with OK', async () => {
    using stream = client.stream('FetchX509SVID', {}, { deadlineMs: 300 })
    assert.equal((await stream.ended).code, status.DEADLINE_EXCEEDED)
    const ended = await call('/SpiffeWorkloadAPI/FetchX509SVID', { headers: { 'grpc-timeout': '300m' } })
    assert.ok(ended.status === status.DEADLINE_EXCEEDED || ended.reset === http2.constants.NGHTTP2_CANCEL)
  })

  for (const [what, request] of [
    ['a long audience', { audience: ['x'.repeat(20_000)] }],
    ['a long SPIFFE ID', { audience: ['a'], spiffeId: `spiffe://${'x'.repeat(20_000)}` }],
    ['another caller’s SPIFFE ID', { audience: ['a'], spiffeId: 'spiffe://example.org/secret-name' }],
  ] as const) {
    it(`interop 10: does not repeat ${what} in its error`, async () => {
      const { details } = await client.unary('FetchJWTSVID', request).then(
        () => assert.fail('it was served'),
        (error: Ended) => error,
      )
      assert.ok(details.length > 0 && details.length < 200)
      assert.doesNotMatch(details, /xxx|secret-name/)
    })
  }

  it('WLAPI-11: a client that cancels one call keeps its connection and its other streams', async () => {
    using kept = client.stream('FetchX509SVID')
    await kept.next()
    for (let i = 0; i < 20; i++) await client.first('FetchX509SVID')
    await stack.apply(identityFor(UID, 'second'))
    await kept.until(({ svids }) => svids.length === 2)
  })

  it('WLAPI-11, interop 3, interop 4: ends streams with UNAVAILABLE when it stops, and serves the full state when it is back', async () => {
    const streams = ['FetchX509SVID', 'FetchX509Bundles', 'FetchJWTBundles'].map((method) =>
      client.stream(method),
    )
    await Promise.all(streams.map((stream) => stream.next()))
    assert.equal(await stack.agent.stop(), 0)
    for (const stream of streams) assert.equal((await stream.ended).code, status.UNAVAILABLE)
    await stack.startAgent()
    using again = stack.client()
    assert.equal((await again.first('FetchX509SVID')).svids.length, 2)
  })
})
