import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import http2 from 'node:http2'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { status } from '@grpc/grpc-js'
import { signet } from '../support/command.ts'
import { identityFor, Stack } from '../support/stack.ts'
import type { Ended, WorkloadClient } from '../support/workload-client.ts'
import { needsTwoUsers, WorkloadProcess } from '../support/workload-process.ts'

const UID = process.getuid?.() ?? 0
const OTHER_UID = 60_017

const STREAMS = ['FetchX509SVID', 'FetchX509Bundles', 'FetchJWTBundles']
const UNARY: Readonly<Record<string, object>> = {
  FetchJWTSVID: { audience: ['a'] },
  ValidateJWTSVID: { audience: 'a', svid: 'x.y.z' },
}
const WIT = ['FetchWITSVID', 'FetchWITBundles']

describe('the Workload Endpoint', () => {
  let stack: Stack
  let client: WorkloadClient

  before(async () => {
    stack = await Stack.start({ inProcess: true })
    await stack.apply(`${identityFor(UID, 'web')}---${identityFor(OTHER_UID, 'other')}`)
    client = stack.client()
    using stream = client.stream('FetchX509SVID')
    await stream.next()
  })
  after(async () => {
    client?.[Symbol.dispose]()
    await stack?.[Symbol.asyncDispose]()
  })

  /** The status that a method ends with, whether it is unary or streaming. */
  async function ends(method: string, metadata: Readonly<Record<string, string | string[]>>): Promise<Ended> {
    if (method in UNARY) {
      return client.unary(method, UNARY[method] ?? {}, { metadata }).then(
        () => ({ code: status.OK, details: '' }),
        (error: Ended) => ({ code: error.code, details: error.details }),
      )
    }
    using stream = client.stream(method, {}, { metadata })
    return await stream.next().then(
      () => ({ code: status.OK, details: '' }),
      (error: Ended) => ({ code: error.code, details: error.details }),
    )
  }

  it('WLEP-01, WLEP-06, WLEP-07, WLEP-13: serves the Workload API over gRPC, without TLS, to any caller', async () => {
    const { svids } = await client.first('FetchX509SVID')
    assert.equal(svids.length, 1)
  })

  it('WLAPI-01: serves both mandatory profiles by default', async () => {
    for (const method of STREAMS) await client.first(method)
    const { svids } = await client.unary('FetchJWTSVID', { audience: ['a'] })
    await client.unary('ValidateJWTSVID', { audience: 'a', svid: svids[0].svid })
  })

  it('WLEP-02: listens on a Unix socket', async () => {
    assert.ok((await stat(stack.socket)).isSocket())
  })

  for (const method of [...STREAMS, ...Object.keys(UNARY), ...WIT]) {
    for (const [what, metadata] of [
      ['no metadata', {}],
      ['True', { 'workload.spiffe.io': 'True' }],
      ['TRUE', { 'workload.spiffe.io': 'TRUE' }],
      ['1', { 'workload.spiffe.io': '1' }],
      ['an empty value', { 'workload.spiffe.io': '' }],
      ['false beside true', { 'workload.spiffe.io': ['true', 'false'] }],
      ['true twice (T-27)', { 'workload.spiffe.io': ['true', 'true'] }],
      ["the Broker API's key only", { 'broker.spiffe.io': 'true' }],
    ] as const) {
      it(`WLEP-04, WLEP-05: answers ${method} with ${what} as INVALID_ARGUMENT`, async () => {
        const { code } = await ends(method, metadata as Record<string, string | string[]>)
        assert.equal(code, status.INVALID_ARGUMENT)
      })
    }
  }

  it('WLEP-08, WLEP-09: tells two users apart without their help', { skip: needsTwoUsers }, async () => {
    await using other = new WorkloadProcess({ socket: stack.socket, method: 'FetchX509SVID', uid: OTHER_UID })
    const said = await other.outcome()
    assert.equal(said.event, 'message')
    assert.equal(said.event === 'message' && said.message.svids[0].spiffeId, 'spiffe://example.org/other')
    const mine = await client.first('FetchX509SVID')
    assert.equal(mine.svids[0].spiffeId, 'spiffe://example.org/web')
  })

  it('WLEP-11, WLAPI-23, T-53: answers a caller without an identity with PERMISSION_DENIED immediately', {
    skip: needsTwoUsers,
  }, async () => {
    await using stranger = new WorkloadProcess({ socket: stack.socket, method: 'FetchX509SVID', uid: 60_018 })
    assert.deepEqual(await stranger.outcome(), {
      event: 'ended',
      code: status.PERMISSION_DENIED,
      details: 'no identity issued',
    })
  })

  it('WLEP-12: answers an unknown method with UNIMPLEMENTED', async () => {
    const session = http2.connect('http://localhost', { createConnection: () => net.connect(stack.socket) })
    try {
      const { promise, resolve } = Promise.withResolvers<string>()
      const request = session.request({
        ':method': 'POST',
        ':path': '/SpiffeWorkloadAPI/Nope',
        'content-type': 'application/grpc',
        te: 'trailers',
        'workload.spiffe.io': 'true',
      })
      const take = (headers: http2.IncomingHttpHeaders): void => {
        if (headers['grpc-status'] !== undefined) resolve(String(headers['grpc-status']))
      }
      request.on('response', take).on('trailers', take).resume()
      request.end(Buffer.alloc(5))
      assert.equal(await promise, String(status.UNIMPLEMENTED))
    } finally {
      session.destroy()
    }
  })

  for (const method of WIT) {
    it(`STAB-01, WLAPI-02, WLAPI-60: answers ${method}, which is incubating, with UNIMPLEMENTED`, async () => {
      assert.equal((await ends(method, { 'workload.spiffe.io': 'true' })).code, status.UNIMPLEMENTED)
    })
  }

  it('WLEP-17: the command uses SPIFFE_ENDPOINT_SOCKET, and prefers the flag', async () => {
    const wrong = { SPIFFE_ENDPOINT_SOCKET: `unix://${stack.directory}/nothing.sock` }
    const byEnvironment = await stack.signet('svid', 'fetch', 'x509', '--json')
    assert.equal(byEnvironment.code, 0, byEnvironment.stderr)
    const byFlag = await signet(['svid', 'fetch', 'x509', '--json', '--socket', `unix://${stack.socket}`], {
      env: wrong,
    })
    assert.equal(byFlag.code, 0, byFlag.stderr)
    assert.notEqual((await signet(['svid', 'fetch', 'x509'], { env: wrong })).code, 0)
  })

  it('WLEP-18 to WLEP-20: the command refuses an invalid endpoint', async () => {
    for (const uri of ['unix:a/b.sock', 'tcp://localhost:8000', 'http://127.0.0.1:8000']) {
      const done = await signet(['svid', 'fetch', 'x509'], { env: { SPIFFE_ENDPOINT_SOCKET: uri } })
      assert.notEqual(done.code, 0)
      assert.match(done.stderr, /SPIFFE_ENDPOINT_SOCKET|socket|endpoint/i)
    }
  })
})

describe('the Workload Endpoint without an authority', () => {
  it('WLEP-10: answers with UNAVAILABLE before the first sync, and above the connection limit', async () => {
    await using stack = await Stack.create({ inProcess: true })
    stack.pin = `sha256:${'0'.repeat(64)}`
    stack.address = '127.0.0.1:1' // nobody listens there
    await stack.writeAgentConfig('none', 'no-secret')
    const config = await readFile(stack.agentConfig, 'utf8')
    await writeFile(stack.agentConfig, config.replace(/(workload_api: \{)/, '$1 max_connections: 1,'))
    await stack.launchAgent()
    assert.ok(existsSync(stack.socket))
    using client = stack.client()
    const early = await client.stream('FetchX509SVID').ended
    assert.equal(early.code, status.UNAVAILABLE)
    assert.match(early.details, /starting/)
    using other = stack.client()
    const tooMany = await other.stream('FetchX509SVID').ended
    assert.equal(tooMany.code, status.UNAVAILABLE)
    assert.doesNotMatch(tooMany.details, /starting/)
  })
})
