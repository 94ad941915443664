import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { duplexPair } from 'node:stream'
import { describe, it } from 'node:test'
import { encodeMessage } from '../../src/rpc/services.ts'
import { callHeaders, END_HEADERS, field, frame, GREETING, PREFACE, TYPE } from '../support/frames.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { RpcStack, rawCall } from '../support/rpc-stack.ts'

const JWT = '/SpiffeWorkloadAPI/FetchJWTSVID'
const X509 = '/SpiffeWorkloadAPI/FetchX509SVID'
const nothing: Disposable = { [Symbol.dispose]: () => {} }
const handlers = {
  FetchJWTSVID: { unary: () => encodeMessage('JWTSVIDResponse', { svids: [{ svid: 'x' }] }) },
  FetchX509SVID: { push: () => nothing },
}

/** HPACK: `:method: POST`, `:scheme: http`, `:path: /` from the static table, `:authority: a`. */
const SOME_HEADERS = Buffer.from([0x83, 0x86, 0x84, 0x01, 0x01, 0x61])

/** Reads and forgets whatever comes, so that the server is never the one that waits. */
function drained(stack: RpcStack): net.Socket {
  return stack.socket().resume()
}

async function isServed(stack: RpcStack): Promise<void> {
  using client = stack.client()
  await client.unary('SpiffeWorkloadAPI', 'FetchJWTSVID', {})
}

describe('a connection', () => {
  it('is closed if it never sends the HTTP/2 preface, but stays open if it is only idle after it', async () => {
    await using stack = await RpcStack.start({ handlers })
    const mute = drained(stack)
    const half = drained(stack)
    half.write(PREFACE.subarray(0, 10))
    const quiet = stack.session()
    await once(quiet, 'remoteSettings')
    await quietly(20)
    const gone = Promise.all([closeOf(mute), closeOf(half)])
    stack.clock.advance(20_000)
    await gone
    assert.equal((await rawCall(quiet, JWT).ended).status, 0)
    quiet.destroy()
  })

  // Node alone would only end its own side and drop the session, and would abort if that was
  // collected before its calls.
  it('is closed after GOAWAY and invalid frames, even if its peer keeps it open', async () => {
    await using stack = await RpcStack.start({ handlers })
    const peer = net.connect({ path: stack.socketPath, allowHalfOpen: true })
    await once(peer, 'connect')
    peer.resume()
    const goaway = frame(TYPE.goaway, 0, 0, Buffer.alloc(8))
    const nonsense = frame(TYPE.data, 0, 0, Buffer.alloc(8))
    peer.write(Buffer.concat([GREETING, goaway, nonsense]))
    await once(peer, 'end')
    const [connection] = stack.connections
    await connection?.closed
    assert.equal(stack.server.openConnections, 0)
    peer.destroy()
  })

  it('is pinged when it is idle, and closed if it does not answer', async () => {
    await using stack = await RpcStack.start({ handlers })
    const dead = drained(stack)
    dead.write(GREETING)
    const alive = stack.session()
    await once(alive, 'remoteSettings')
    const asked = once(alive, 'ping')
    await quietly(20) // until both greetings have been read
    stack.clock.advance(70_000)
    await asked
    assert.equal((await rawCall(alive, JWT).ended).status, 0) // its answer to the PING is before the call
    const gone = closeOf(dead)
    stack.clock.advance(70_000)
    await gone
    assert.equal((await rawCall(alive, JWT).ended).status, 0)
    alive.destroy()
  })

  for (const [what, bytes] of [
    ['HTTP/1.1', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['TLS', Buffer.from('16030100c8010000c40303', 'hex')],
    ['random bytes', Buffer.from(Array.from({ length: 4_096 }, (_, i) => (i * 167) % 256))],
    ['random bytes after the preface', Buffer.concat([PREFACE, Buffer.alloc(4_096, 0xff)])],
  ] as const) {
    it(`is closed if it sends ${what}, and the others stay open`, async () => {
      await using stack = await RpcStack.start({ handlers })
      const other = stack.session()
      await once(other, 'remoteSettings')
      const socket = drained(stack)
      socket.write(bytes)
      await closeOf(socket)
      assert.equal((await rawCall(other, JWT).ended).status, 0)
      other.destroy()
    })
  }

  it('may send PINGs as often as keepalive and bandwidth estimation do', async () => {
    await using stack = await RpcStack.start({ handlers })
    const session = stack.session()
    let goaways = 0
    session.on('goaway', () => goaways++)
    for (let i = 0; i < 1_000; i++) {
      await new Promise<void>((resolve) => session.ping(() => resolve()))
    }
    assert.equal((await rawCall(session, JWT).ended).status, 0)
    assert.equal(goaways, 0)
    session.destroy()
  })

  const empty = Buffer.alloc(0)
  const FLOODS: readonly (readonly [string, (n: number) => Buffer, number])[] = [
    ['PINGs', () => frame(TYPE.ping, 0, 0, Buffer.alloc(8)), 30_000],
    ['SETTINGS frames', () => frame(TYPE.settings, 0, 0), 2_000],
    [
      'resets',
      (n) =>
        Buffer.concat([
          frame(TYPE.headers, 4, 2 * n + 1, SOME_HEADERS),
          frame(TYPE.reset, 0, 2 * n + 1, Buffer.from([0, 0, 0, 8])),
        ]),
      10_000,
    ],
    [
      'empty CONTINUATION frames',
      (n) => (n === 0 ? frame(TYPE.headers, 0, 1, SOME_HEADERS) : frame(TYPE.continuation, 0, 1, empty)),
      10_000,
    ],
  ]
  for (const [what, make, count] of FLOODS) {
    it(`is closed if it sends a flood of ${what}, and the others are served`, async () => {
      await using stack = await RpcStack.start({ handlers })
      const socket = drained(stack)
      socket.write(GREETING)
      await once(socket, 'data')
      const closed = closeOf(socket)
      socket.write(Buffer.concat(Array.from({ length: count }, (_, n) => make(n))))
      await closed
      await isServed(stack)
      assert.equal(stack.server.openStreams, 0)
    })
  }

  it('cannot open more streams than its limit', async () => {
    await using stack = await RpcStack.start({ handlers, maxStreamsPerConnection: 3 })
    const session = stack.session()
    const [settings] = await once(session, 'remoteSettings')
    assert.equal(settings.maxConcurrentStreams, 3)
    assert.equal(settings.maxHeaderListSize, 16_384)
    for (let i = 0; i < 3; i++) rawCall(session, X509)
    while (stack.server.openStreams < 3) await quietly(1)
    // A client that obeys would wait now; this one sends its own frames.
    const rude = drained(stack)
    rude.write(GREETING)
    const frames = Array.from({ length: 50 }, (_, n) => frame(TYPE.headers, 4, 2 * n + 1, SOME_HEADERS))
    rude.write(Buffer.concat(frames))
    await quietly(50)
    assert.ok((stack.connections[1]?.openCalls ?? 0) <= 3)
    rude.destroy()
    session.destroy()
  })

  for (const [what, headers, status] of [
    ['a method that nobody serves', callHeaders('/nobody/Serves'), '12'],
    ['a call that is one too many', callHeaders(X509), '14'],
    ['a call whose time is over', callHeaders(JWT, field('grpc-timeout', '1n')), '4'],
    ['a message that is too long', callHeaders(JWT), '8'],
    ['a request that is not gRPC', SOME_HEADERS, undefined],
  ] as const) {
    it(`frees the stream of ${what}, even if its request never ends`, async () => {
      const maxCallsPerUser = status === '14' ? 0 : 2
      await using stack = await RpcStack.start({ handlers, maxStreamsPerConnection: 2, maxCallsPerUser })
      using client = await RawConnection.greeted(stack.socketPath)
      for (let stream = 1; stream < 20; stream += 2) {
        client.socket.write(frame(TYPE.headers, END_HEADERS, stream, headers))
        if (status === '8')
          client.socket.write(frame(TYPE.data, 0, stream, Buffer.from([0, 0xff, 0xff, 0xff, 0xff])))
        assert.equal((await client.answer(stream)).status, status)
        const reset = await client.hears(({ type, stream: of }) => type === TYPE.reset && of === stream)
        assert.equal(reset.payload.readUInt32BE(0), http2.constants.NGHTTP2_NO_ERROR)
      }
      assert.equal(stack.connections[0]?.openCalls, 0)
    })
  }

  it('cannot open more calls than its user may have on all connections', async () => {
    await using stack = await RpcStack.start({ handlers, maxCallsPerUser: 5 })
    const sessions = Array.from({ length: 2 }, () => stack.session())
    const [first, second] = sessions as [http2.ClientHttp2Session, http2.ClientHttp2Session]
    const calls = Array.from({ length: 5 }, (_, n) => rawCall(n < 3 ? first : second, X509))
    while (stack.server.openStreams < 5) await quietly(1)
    const refused = await rawCall(second, JWT).ended
    assert.deepEqual(refused, { status: 14, message: 'too%20many%20calls%20of%20this%20caller' })
    calls[0]?.stream.close()
    while (stack.server.openStreams > 4) await quietly(1)
    assert.equal((await rawCall(second, JWT).ended).status, 0)
    for (const session of sessions) session.destroy()
  })

  it('loses only the call whose header list is too long', async () => {
    await using stack = await RpcStack.start({ handlers })
    const session = stack.session()
    assert.equal((await rawCall(session, JWT).ended).status, 0) // a limit holds once it was acknowledged
    const long = rawCall(session, JWT, { headers: { 'x-long': 'a'.repeat(30_000) } })
    assert.notEqual((await long.ended).status, 0)
    assert.equal((await rawCall(session, JWT).ended).status, 0)
    session.destroy()
  })

  it('loses calls for which it never sends a request', async () => {
    await using stack = await RpcStack.start({ handlers })
    const session = stack.session()
    const call = session.request(
      { ':method': 'POST', ':path': JWT, 'content-type': 'application/grpc', te: 'trailers' },
      { endStream: false },
    )
    call.on('error', () => {}).resume()
    while ((stack.connections[0]?.openCalls ?? 0) < 1) await quietly(1)
    const answered = once(call, 'response')
    stack.clock.advance(66_000) // one sweep after the minute
    const [headers] = await answered
    assert.equal(headers['grpc-status'], '14')
    assert.equal(stack.connections[0]?.openCalls, 0)
    assert.equal((await rawCall(session, JWT).ended).status, 0)
    session.destroy()
  })
})

describe('the server', () => {
  it('prints nothing, whatever is sent to it', async (t) => {
    const written = t.mock.method(process.stderr, 'write', () => true)
    await using stack = await RpcStack.start({ handlers })
    const session = stack.session()
    await rawCall(session, JWT, { headers: { 'bad-bin': '%%%', 'grpc-timeout': 'soon' } }).ended
    await isServed(stack)
    session.destroy()
    assert.equal(written.mock.callCount(), 0)
  })

  // On a stream that is not a socket, Node reads all frames of a chunk before it reports the first
  // call.
  it('survives calls of any content that are reset before they are processed', async (t) => {
    const failed = t.mock.fn()
    process.on('uncaughtException', failed)
    t.after(() => process.off('uncaughtException', failed))
    await using stack = await RpcStack.start({ handlers })
    await isServed(stack)
    const [ours, theirs] = duplexPair()
    const caller = stack.connections[0]?.caller
    assert.ok(caller)
    const connection = stack.server.accept(theirs, caller)
    ours.resume().write(GREETING)
    const contents = ['application/grpc', 'text/plain', '']
    const frames = Array.from({ length: 90 }, (_, n) => [
      frame(
        TYPE.headers,
        END_HEADERS | (n % 2),
        2 * n + 1,
        Buffer.concat([SOME_HEADERS, field('content-type', contents[n % 3] as string)]),
      ),
      frame(TYPE.reset, 0, 2 * n + 1, Buffer.from([0, 0, 0, n % 14])),
    ])
    ours.write(Buffer.concat(frames.flat()))
    await quietly(50)
    await isServed(stack)
    assert.equal(connection.openCalls, 0)
    assert.equal(failed.mock.callCount(), 0)
    connection.destroy()
  })

  it('releases everything when its connections have closed', async () => {
    await using stack = await RpcStack.start({ handlers })
    const sessions = Array.from({ length: 20 }, () => stack.session())
    for (const session of sessions) rawCall(session, X509)
    while (stack.server.openStreams < 20) await quietly(1)
    for (const session of sessions) session.destroy()
    await Promise.all(stack.connections.map(({ closed }) => closed))
    assert.deepEqual([stack.server.openConnections, stack.server.openStreams], [0, 0])
  })
})

/** Whether it ends with an error on the way does not matter. */
function closeOf(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

/** Lets the other side of the socket, which lives in this process, do its part. */
function quietly(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
