import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { duplexPair } from 'node:stream'
import { it } from 'node:test'
import { requireSocketHandles } from '../../src/peer/socket-handle.ts'
import { nativeHalves, requireSessionHandles } from '../../src/rpc/kept-sessions.ts'

it('finds both native halves of a call in this Node', async () => {
  requireSessionHandles()
  const [ours, theirs] = duplexPair()
  const session = http2.performServerHandshake(ours)
  const client = http2.connect('http://localhost', { createConnection: () => theirs })
  const call = client.request().on('error', () => undefined)
  const [stream] = (await once(session, 'stream')) as [http2.ServerHttp2Stream]
  const halves = nativeHalves(stream)
  assert.equal(typeof halves?.stream, 'object')
  assert.equal(typeof halves?.session, 'object')
  assert.notEqual(halves?.stream, halves?.session)
  call.close()
  client.destroy()
  session.destroy()
})

it('reports a socket that does not expose its descriptor', () => {
  assert.throws(() => requireSocketHandles(net.createServer()), {
    code: 'ERR_PEER_KERNEL_UNSUPPORTED',
    message: /^Node \d+\.\d+\.\d+ does not show .* run this on Node 24 or 26$/,
  })
})
