import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeMessage } from '../../src/rpc/services.ts'
import {
  callHeadersTo,
  END_HEADERS,
  END_STREAM,
  field,
  frame,
  GREETING,
  message,
  TYPE,
  words,
} from '../support/frames.ts'
import { until } from '../support/patience.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { grpcFrame, RpcStack, rawCall } from '../support/rpc-stack.ts'

const JWT = '/SpiffeWorkloadAPI/FetchJWTSVID'
const X509 = '/SpiffeWorkloadAPI/FetchX509SVID'
const PATH = '/tmp/agent.sock'
const FORMS = [PATH, 'localhost']
const LARGE = 3 * 1024 * 1024
const UNAVAILABLE = '14'
const PROTOCOL_ERROR = 1
const CANCEL = 8
const ACK = 1

const nothing: Disposable = { [Symbol.dispose]: () => {} }
const handlers = {
  FetchJWTSVID: { unary: () => encodeMessage('JWTSVIDResponse', { svids: [{ svid: 'x' }] }) },
  FetchX509SVID: { push: () => nothing },
}

function call(stream: number, authority: string, method = JWT): Buffer {
  return Buffer.concat([
    frame(TYPE.headers, END_HEADERS, stream, callHeadersTo([field(':authority', authority)], method)),
    frame(TYPE.data, END_STREAM, stream, message()),
  ])
}

const isSettings = ({ type, flags }: { type: number; flags: number }): boolean =>
  type === TYPE.settings && flags === 0

describe('a connection without a call yet', () => {
  it('gets GOAWAY when the server shuts down, if it has sent a preface', async () => {
    await using stack = await RpcStack.start({ handlers })
    using client = await RawConnection.greeted(stack.socketPath)
    const down = stack.server.shutdown(1_000)
    await client.hears(({ type }) => type === TYPE.goaway)
    await down
  })

  for (const [what, bytes] of [
    ['nothing', Buffer.alloc(0)],
    ['half a preface', GREETING.subarray(0, 10)],
    ['half of its headers', Buffer.concat([GREETING, call(1, PATH).subarray(0, 40)])],
  ] as const) {
    it(`that has sent ${what} ends with its peer, when it is destroyed, and with the server`, async () => {
      await using stack = await RpcStack.start({ handlers })
      const clients: RawConnection[] = []
      for (let n = 0; n < 3; n++) {
        const client = await RawConnection.connect(stack.socketPath)
        client.send(bytes)
        clients.push(client)
        await until(() => stack.connections.length === n + 1)
      }
      clients[0]?.socket.destroy()
      await stack.connections[0]?.closed
      stack.connections[1]?.destroy()
      await clients[1]?.closed
      await until(() => stack.server.openConnections === 1)
      await stack.server.shutdown(1_000)
      await clients[2]?.closed
    })
  }

  it('that stays quiet has its SETTINGS acknowledged, and is served when it calls', async () => {
    for (const form of FORMS) {
      await using stack = await RpcStack.start({ handlers })
      using client = await RawConnection.greeted(stack.socketPath)
      stack.clock.advance(11_000)
      await client.hears(({ type, flags }) => type === TYPE.settings && flags === ACK)
      client.send(call(1, form))
      assert.equal((await client.answer(1)).status, '0')
    }
  })

  it('that sends more than a client would is handed to HTTP/2', async () => {
    await using stack = await RpcStack.start({ handlers })
    using client = await RawConnection.greeted(stack.socketPath)
    const updates = Array.from({ length: 1_000 }, () => frame(TYPE.window, 0, 0, words(1)))
    client.send(...updates)
    await client.hears(({ type, flags }) => type === TYPE.settings && flags === ACK)
    client.send(call(1, PATH))
    assert.equal((await client.answer(1)).status, '0')
  })
})

describe('a call before the acknowledgement of SETTINGS', () => {
  it('waits for that, and is answered without a rewriter', async () => {
    await using stack = await RpcStack.start({ handlers })
    using client = await RawConnection.connect(stack.socketPath, { acknowledges: false })
    client.send(GREETING)
    await client.hears(isSettings)
    client.send(call(1, 'localhost'))
    await new Promise((resolve) => setTimeout(resolve, 20)) // until that was read
    client.send(frame(TYPE.settings, ACK, 0))
    assert.equal((await client.answer(1)).status, '0')
    assert.equal(client.frames.filter(isSettings).length, 2)
    client.send(call(3, PATH))
    assert.equal((await client.answer(3)).reset, PROTOCOL_ERROR) // no rewriter is in between any more
  })

  it('does not wait for long', async () => {
    await using stack = await RpcStack.start({ handlers })
    using client = await RawConnection.connect(stack.socketPath, { acknowledges: false })
    client.send(GREETING)
    await client.hears(isSettings)
    client.send(call(1, 'localhost'))
    const answer = client.answer(1)
    const tick = setInterval(() => stack.clock.advance(50), 5)
    assert.equal((await answer).status, '0')
    clearInterval(tick)
    // The late acknowledgement must not reach the session.
    client.send(frame(TYPE.settings, ACK, 0), frame(TYPE.settings, ACK, 0), call(3, PATH))
    assert.equal((await client.answer(3)).status, '0')
  })
})

for (const form of FORMS) {
  describe(`a connection with :authority ${form}`, () => {
    it('ends with its peer, and its calls with it', async () => {
      await using stack = await RpcStack.start({ handlers })
      using client = await RawConnection.greeted(stack.socketPath)
      client.send(call(1, form, X509), call(3, form, X509))
      await until(() => stack.server.openStreams === 2)
      client.socket.destroy()
      await until(() => stack.server.openStreams === 0 && stack.server.openConnections === 0)
    })

    it('ends when it is destroyed, and its peer notices', async () => {
      await using stack = await RpcStack.start({ handlers })
      using client = await RawConnection.greeted(stack.socketPath)
      client.send(call(1, form, X509))
      await until(() => stack.server.openStreams === 1)
      stack.connections[0]?.destroy()
      await stack.connections[0]?.closed
      await client.closed
      await until(() => stack.server.openStreams === 0)
    })

    it('ends with a status on each call, then GOAWAY, then a close', async () => {
      await using stack = await RpcStack.start({ handlers })
      using client = await RawConnection.greeted(stack.socketPath)
      client.send(call(1, form, X509))
      await until(() => stack.server.openStreams === 1)
      const down = stack.server.shutdown(1_000)
      assert.equal((await client.answer(1)).status, UNAVAILABLE)
      await client.hears(({ type }) => type === TYPE.goaway)
      await down
      const order = client.frames.filter(({ type }) => type === TYPE.headers || type === TYPE.goaway)
      assert.deepEqual(order.map(({ type }) => type).slice(-2), [TYPE.headers, TYPE.goaway])
    })

    it('ends a call that is reset, and continues', async () => {
      await using stack = await RpcStack.start({ handlers })
      using client = await RawConnection.greeted(stack.socketPath)
      client.send(call(1, form, X509))
      await until(() => stack.server.openStreams === 1)
      client.send(frame(TYPE.reset, 0, 1, words(CANCEL)), call(3, form))
      assert.equal((await client.answer(3)).status, '0')
      assert.equal(stack.server.openStreams, 0)
    })

    it('ends on invalid bytes', async () => {
      await using stack = await RpcStack.start({ handlers })
      using client = await RawConnection.greeted(stack.socketPath)
      client.send(call(1, form))
      await client.answer(1)
      client.send(Buffer.alloc(4_096, 0xff))
      await client.closed
      await until(() => stack.server.openConnections === 0)
    })

    it('carries megabytes both ways to a slow reader', async () => {
      const svid = 'x'.repeat(LARGE)
      const large = encodeMessage('JWTSVIDResponse', { svids: [{ svid }] })
      const sizes: number[] = []
      await using stack = await RpcStack.start({
        handlers: {
          FetchJWTSVID: {
            unary: (_caller, request) => {
              sizes.push(request.audience[0]?.length ?? 0)
              return large
            },
          },
        },
      })
      const session = stack.session()
      const body = grpcFrame(encodeMessage('JWTSVIDRequest', { audience: ['y'.repeat(LARGE)] }))
      const calls = [0, 1, 2].map(() =>
        rawCall(session, JWT, { headers: { ':authority': form }, body, read: false }),
      )
      for (const { stream, ended } of calls) {
        let bytes = 0
        stream.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          stream.pause()
          setImmediate(() => stream.resume())
        })
        assert.equal((await ended).status, 0)
        assert.equal(bytes, large.length + 5)
      }
      assert.deepEqual(sizes, [LARGE, LARGE, LARGE])
      session.destroy()
    })
  })
}
