import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type AgentMethod, SERVED } from '../../support/agent-methods.ts'
import {
  callHeaders,
  END_HEADERS,
  END_STREAM,
  field,
  frame,
  GREETING,
  settings,
  TYPE,
  words,
} from '../../support/frames.ts'
import { RawConnection } from '../../support/raw-connection.ts'
import { Stack } from '../../support/stack.ts'

/** What is unusual and allowed, and what is not HTTP/2 at all. */

const PADDED = 8
const PRIORITY = 32
const CANCEL = words(8)

const headersOf = ({ path }: AgentMethod): Buffer => callHeaders(path)
const lastOf = ({ shape }: AgentMethod): number => (shape === 'conversation' ? 0 : END_STREAM)
const call = (method: AgentMethod, id = 1): Buffer =>
  Buffer.concat([
    frame(TYPE.headers, END_HEADERS, id, headersOf(method)),
    frame(TYPE.data, lastOf(method), id, method.request),
  ])
const padded = (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(200), bytes, Buffer.alloc(200)])

/** Everything that a client may do on the way of a call that is served all the same. */
const ODD: Readonly<Record<string, (method: AgentMethod) => Buffer>> = {
  'after frames of unknown types, on the connection and on its stream': (method) =>
    Buffer.concat([
      frame(0xfa, 0xff, 0, Buffer.alloc(20)),
      frame(TYPE.headers, END_HEADERS, 1, headersOf(method)),
      frame(0xbe, 1, 1, Buffer.alloc(20)),
      frame(TYPE.data, lastOf(method), 1, method.request),
    ]),
  'with PRIORITY before, in and after its headers': (method) =>
    Buffer.concat([
      frame(TYPE.priority, 0, 1, Buffer.concat([words(0), Buffer.of(5)])),
      frame(
        TYPE.headers,
        END_HEADERS | PRIORITY,
        1,
        Buffer.concat([words(0), Buffer.of(5), headersOf(method)]),
      ),
      frame(TYPE.priority, 0, 1, Buffer.concat([words(0), Buffer.of(6)])),
      frame(TYPE.data, lastOf(method), 1, method.request),
    ]),
  'with unknown settings, and settings that change on the way': (method) =>
    Buffer.concat([
      frame(TYPE.settings, 0, 0, settings([0xf0f0, 7], [1, 0])),
      frame(TYPE.headers, END_HEADERS, 1, headersOf(method)),
      frame(TYPE.settings, 0, 0, settings([1, 65_536], [5, 20_000])),
      frame(TYPE.data, lastOf(method), 1, method.request),
    ]),
  'padded as far as can be': (method) =>
    Buffer.concat([
      frame(TYPE.headers, END_HEADERS | PADDED, 1, padded(headersOf(method))),
      frame(TYPE.data, lastOf(method) | PADDED, 1, padded(method.request)),
    ]),
  'with its headers in eight pieces more': (method) => {
    const bytes = headersOf(method)
    const size = Math.ceil(bytes.length / 8)
    const pieces = Array.from({ length: 8 }, (_, n) => bytes.subarray(n * size, (n + 1) * size))
    return Buffer.concat([
      frame(TYPE.headers, 0, 1),
      ...pieces.map((piece, n) => frame(TYPE.continuation, n === 7 ? END_HEADERS : 0, 1, piece)),
      frame(TYPE.data, lastOf(method), 1, method.request),
    ])
  },
  'with its message in frames of one byte': (method) =>
    Buffer.concat([
      frame(TYPE.headers, END_HEADERS, 1, headersOf(method)),
      ...[...method.request].map((byte) => frame(TYPE.data, 0, 1, Buffer.of(byte))),
      frame(TYPE.data, lastOf(method), 1),
    ]),
  'with trailers of its own': (method) =>
    Buffer.concat([
      frame(TYPE.headers, END_HEADERS, 1, headersOf(method)),
      frame(TYPE.data, 0, 1, method.request),
      ...(method.shape === 'conversation'
        ? []
        : [frame(TYPE.headers, END_HEADERS | END_STREAM, 1, field('x-end', 'here'))]),
    ]),
  'after a call that was given up at once': (method) =>
    Buffer.concat([call(method, 1), frame(TYPE.reset, 0, 1, CANCEL), call(method, 3)]),
  'after a hundred that were given up before they were read': (method) =>
    Buffer.concat(
      Array.from({ length: 100 }, (_, n) => [
        frame(TYPE.headers, END_HEADERS, 2 * n + 1, headersOf(method)),
        frame(TYPE.reset, 0, 2 * n + 1, CANCEL),
      ])
        .flat()
        .concat(call(method, 201)),
    ),
}

const NOT_HTTP2: Readonly<Record<string, string>> = {
  'HTTP/1.1': 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'HTTP/1.1 with a call of gRPC':
    'POST /SpiffeWorkloadAPI/FetchX509SVID HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n',
  'the upgrade to h2c':
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
  'HTTP/1.0': 'GET /\r\n\r\n',
}

describe('an agent', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.serving({ inProcess: true })
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  for (const [what, bytes] of Object.entries(ODD)) {
    for (const method of SERVED) {
      it(`serves a call of ${method.path} ${what}`, async () => {
        using connection = await RawConnection.connect(stack.socket)
        connection.send(GREETING, bytes(method))
        await connection.hears(({ type, payload }) => type === TYPE.data && payload.length > 0)
        await connection.answers()
        assert.ok(!connection.frames.some(({ type }) => type === TYPE.goaway))
      })
    }
  }

  it('serves calls whose bytes come one at a time, from the preface on', async () => {
    using connection = await RawConnection.connect(stack.socket)
    connection.socket.setNoDelay(true)
    await connection.sendByteByByte(GREETING, ...SERVED.map((method, n) => call(method, 2 * n + 1)))
    for (const n of SERVED.keys()) {
      await connection.hears(({ type, stream }) => type === TYPE.data && stream === 2 * n + 1)
    }
  })

  for (const [what, text] of Object.entries(NOT_HTTP2)) {
    it(`closes a connection that speaks ${what}, and only that one`, async () => {
      using other = await RawConnection.greeted(stack.socket)
      using connection = await RawConnection.connect(stack.socket)
      connection.send(Buffer.from(text))
      await connection.closed
      await other.answers()
    })
  }

  it('survives calls of any content that are reset immediately', async () => {
    const contents = ['application/grpc', 'text/plain', '']
    for (let round = 0; round < 20; round++) {
      using connection = await RawConnection.connect(stack.socket)
      const frames = Array.from({ length: 120 }, (_, n) => {
        const { path } = SERVED[n % SERVED.length] as AgentMethod
        const headers = Buffer.concat([
          Buffer.of(n % 5 === 0 ? 0x82 : 0x83, 0x86),
          field(':path', n % 7 === 0 ? '/none' : path),
          field(':authority', 'a'),
          field('content-type', contents[n % 3] as string),
        ])
        return Buffer.concat([
          frame(TYPE.headers, END_HEADERS | (n % 2), 2 * n + 1, headers),
          frame(TYPE.reset, 0, 2 * n + 1, words(n % 14)),
        ])
      })
      connection.send(GREETING, ...frames)
      await Promise.allSettled([connection.answers()]) // answered, or the connection is over
    }
    using client = stack.client()
    assert.equal((await client.first('FetchX509SVID')).svids.length, 1)
    assert.ok(stack.agent.running)
  })
})
