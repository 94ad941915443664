import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { systemClock } from '../../src/foundation/clock.ts'
import type { CallHead, Handlers } from '../../src/rpc/handlers.ts'
import { LocalClient } from '../../src/rpc/plain/local-client.ts'
import { encodeMessage } from '../../src/rpc/services.ts'
import { RpcError, StatusCode } from '../../src/rpc/status.ts'
import { END_HEADERS, END_STREAM, field, frame, message, settings, TYPE, words } from '../support/frames.ts'
import { indexed, literal, tableSize } from '../support/hpack.ts'
import { RpcStack } from '../support/rpc-stack.ts'

const SERVICE = 'SpiffeWorkloadAPI'

interface Tokens {
  readonly svids: readonly { readonly svid: string }[]
}

const handlers: Partial<Handlers<unknown, 'SpiffeWorkloadAPI'>> = {
  FetchJWTSVID: {
    unary: (_caller, request: { audience: string[] }) => {
      if (request.audience[0] === 'refused') throw new RpcError(StatusCode.PERMISSION_DENIED, 'nö: 100 %')
      return { svids: request.audience.map((svid) => ({ svid })) }
    },
  },
  FetchX509Bundles: {
    finite: true,
    stream: async function* () {
      for (let n = 0; n < 50; n++) yield { bundles: { [`n${n}`]: Buffer.alloc(100_000, n) } }
    },
  },
  FetchX509SVID: {
    stream: async function* (_caller, _request, { signal }) {
      yield { svids: [{ spiffeId: 'first' }] }
      await once(signal, 'abort')
    },
  },
}

const fetchTokens = (client: LocalClient, audience: readonly string[]): Promise<Tokens> =>
  client.unary(SERVICE, 'FetchJWTSVID', { audience })

describe('a client of a program on the same machine', () => {
  it('makes several calls, with its metadata', async () => {
    const seen: string[] = []
    const gate = (_caller: unknown, head: CallHead): void => void seen.push(...head.metadata('x-seen'))
    await using stack = await RpcStack.start({ handlers, gate })
    using client = new LocalClient({ unixPath: stack.socketPath, metadata: { 'x-seen': 'yes' } })
    const answers = await Promise.all([fetchTokens(client, ['a', 'b']), fetchTokens(client, ['c'])])
    assert.deepEqual(
      answers.map(({ svids }) => svids.map(({ svid }) => svid)),
      [['a', 'b'], ['c']],
    )
    assert.deepEqual(seen, ['yes', 'yes'])
  })

  it('sends and receives messages larger than any window', async () => {
    await using stack = await RpcStack.start({ handlers, maxMessageBytes: 16 * 1024 * 1024 })
    using client = new LocalClient({ unixPath: stack.socketPath })
    const audience = Array.from({ length: 100 }, (_, n) => String(n).repeat(50_000))
    const { svids } = await fetchTokens(client, audience)
    assert.deepEqual(
      svids.map(({ svid }) => svid),
      audience,
    )
  })

  it('gets a status with its message', async () => {
    await using stack = await RpcStack.start({ handlers })
    using client = new LocalClient({ unixPath: stack.socketPath })
    await assert.rejects(fetchTokens(client, ['refused']), {
      status: StatusCode.PERMISSION_DENIED,
      message: 'nö: 100 %',
    })
    await assert.rejects(client.unary('signet.v1.AdminService', 'GetStatus', {}), {
      status: StatusCode.UNIMPLEMENTED,
      message: /does not know this call/,
    })
  })

  it('reads a stream to its end, however slow the reader is', async () => {
    await using stack = await RpcStack.start({ handlers })
    using client = new LocalClient({ unixPath: stack.socketPath })
    const names: string[] = []
    for await (const { bundles } of client.stream<object, { bundles: Record<string, Buffer> }>(
      SERVICE,
      'FetchX509Bundles',
      {},
    )) {
      await new Promise(setImmediate)
      names.push(...Object.keys(bundles))
    }
    assert.deepEqual(
      names,
      Array.from({ length: 50 }, (_, n) => `n${n}`),
    )
  })

  it('leaves no call behind when its reader stops or its signal aborts', async () => {
    await using stack = await RpcStack.start({ handlers })
    using client = new LocalClient({ unixPath: stack.socketPath })
    for await (const _ of client.stream(SERVICE, 'FetchX509SVID', {})) break
    const abort = new AbortController()
    await assert.rejects(async () => {
      for await (const _ of client.stream(SERVICE, 'FetchX509SVID', {}, { signal: abort.signal }))
        abort.abort()
    }, /the call was given up/)
    await Promise.all(stack.connections.map(({ closed }) => closed))
    assert.equal(stack.server.openStreams, 0)
  })

  it('gets UNAVAILABLE when the server shuts down', async () => {
    await using stack = await RpcStack.start({ handlers })
    using client = new LocalClient({ unixPath: stack.socketPath })
    await assert.rejects(
      async () => {
        for await (const _ of client.stream(SERVICE, 'FetchX509SVID', {})) void stack.server.shutdown(1_000)
      },
      { status: StatusCode.UNAVAILABLE },
    )
  })

  it('gives up at the deadline', async () => {
    await using server = await Scripted.listen(GREETING)
    await assert.rejects(server.client.unary(SERVICE, 'FetchJWTSVID', {}, { deadlineMs: 20 }), {
      status: StatusCode.DEADLINE_EXCEEDED,
      message: /did not answer in time/,
    })
  })
})

/** A server that sends the same bytes in reply to any request. */
class Scripted implements AsyncDisposable {
  readonly client: LocalClient
  readonly place: string
  readonly #directory: string
  readonly #server: net.Server
  /** The bytes that it received. */
  heard = Buffer.alloc(0)
  readonly #sockets: net.Socket[] = []

  private constructor(directory: string, server: net.Server, socket: string) {
    this.#directory = directory
    this.#server = server
    this.place = socket
    this.client = new LocalClient({ unixPath: socket })
  }

  static async listen(
    says: Buffer,
    after: 'goes on' | 'closes' | 'reads nothing' = 'goes on',
  ): Promise<Scripted> {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-scripted-'))
    const server = net.createServer((socket) => {
      scripted.#sockets.push(socket)
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        scripted.heard = Buffer.concat([scripted.heard, chunk])
      })
      socket.once('data', () => {
        if (after === 'reads nothing') socket.pause()
        if (after === 'closes') socket.end(says)
        else socket.write(says)
      })
    })
    const place = path.join(directory, 's')
    server.listen(place)
    await once(server, 'listening')
    const scripted = new Scripted(directory, server, place)
    return scripted
  }

  /** Reads until the client disconnects. */
  async hearOut(): Promise<void> {
    await Promise.all(this.#sockets.map((socket) => once(socket.resume(), 'close')))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close()
    this.#server.close()
    await rm(this.#directory, { recursive: true })
  }
}

const GREETING = frame(TYPE.settings, 0, 0)
const ANSWER = message(encodeMessage('JWTSVIDResponse', { svids: [{ svid: 'a.b.c' }] }))
const headers = (block: Buffer, flags = END_HEADERS): Buffer => frame(TYPE.headers, flags, 1, block)
const OK = headers(Buffer.of(0x88))
const ENDS_WELL = headers(field('grpc-status', '0'), END_HEADERS | END_STREAM)
const trailers = (...fields: Buffer[]): Buffer => headers(Buffer.concat(fields), END_HEADERS | END_STREAM)

describe('a gRPC server may', () => {
  const kept = { name: 'grpc-status', value: '0' }
  const servers: Readonly<Record<string, Buffer[]>> = {
    'answer normally': [OK, frame(TYPE.data, 0, 1, ANSWER), ENDS_WELL],
    'send its message in pieces': [
      OK,
      ...[...ANSWER].map((byte) => frame(TYPE.data, 0, 1, Buffer.of(byte))),
      ENDS_WELL,
    ],
    'pad what it sends, and give it priority': [
      headers(Buffer.concat([Buffer.of(2), words(0), Buffer.of(9, 0x88, 0, 0)]), END_HEADERS | 0x8 | 0x20),
      frame(TYPE.data, 0x8, 1, Buffer.concat([Buffer.of(3), ANSWER, Buffer.alloc(3)])),
      ENDS_WELL,
    ],
    'continue its headers in further frames': [
      headers(Buffer.of(0x88), 0),
      frame(TYPE.continuation, 0, 1, field('x', 'y')),
      frame(TYPE.continuation, END_HEADERS, 1, field('z', 'z'.repeat(5000))),
      frame(TYPE.data, 0, 1, ANSWER),
      headers(field('grpc-status', '0').subarray(0, 4), END_STREAM),
      frame(TYPE.continuation, END_HEADERS, 1, field('grpc-status', '0').subarray(4)),
    ],
    'compress its headers, and refer to earlier ones': [
      headers(
        Buffer.concat([
          tableSize(100),
          Buffer.of(0x88),
          literal(kept, { as: 'indexing', name: 'huffman', huffman: true }),
        ]),
      ),
      frame(TYPE.data, 0, 1, ANSWER),
      trailers(indexed(62)),
    ],
    'send other frames in between': [
      frame(TYPE.ping, 0, 0, Buffer.alloc(8, 7)),
      frame(TYPE.window, 0, 0, words(100)),
      headers(field(':status', '103')),
      frame(0xfa, 0xff, 0, Buffer.from('unknown')),
      frame(TYPE.priority, 0, 1, Buffer.alloc(5)),
      frame(TYPE.settings, 0, 0, settings([4, 1_000_000], [99, 1])),
      OK,
      frame(TYPE.data, 0, 3, Buffer.from('of another stream')),
      frame(TYPE.goaway, 0, 0, words(1, 0)),
      frame(TYPE.data, 0, 1, ANSWER),
      ENDS_WELL,
      frame(TYPE.reset, 0, 1, words(0)),
    ],
  }
  for (const [what, frames] of Object.entries(servers)) {
    it(what, async () => {
      await using server = await Scripted.listen(Buffer.concat([GREETING, ...frames]))
      const { svids } = await fetchTokens(server.client, ['a'])
      assert.equal(svids[0]?.svid, 'a.b.c')
    })
  }

  it('expect answers to SETTINGS and PING', async () => {
    const ping = frame(TYPE.ping, 0, 0, Buffer.from('12345678'))
    await using server = await Scripted.listen(Buffer.concat([GREETING, ping]))
    const asked = fetchTokens(server.client, ['a']).catch(() => undefined)
    const answers = [frame(TYPE.settings, 1, 0), frame(TYPE.ping, 1, 0, Buffer.from('12345678'))]
    while (!answers.every((answer) => server.heard.includes(answer))) await new Promise(setImmediate)
    server.client.close()
    await asked
  })
})

describe('a response', () => {
  const answers: Readonly<Record<string, [Buffer[], number, RegExp]>> = {
    'of trailers alone': [
      [trailers(Buffer.of(0x88), field('grpc-status', '7'), field('grpc-message', 'no%20identity'))],
      7,
      /^no identity$/,
    ],
    'without a message text': [
      [trailers(Buffer.of(0x88), field('grpc-status', '5'))],
      5,
      /answered with status 5/,
    ],
    'that is OK, but has no message': [[OK, ENDS_WELL], 13, /sends what cannot be read/],
    'whose message is invalid': [
      [OK, frame(TYPE.data, 0, 1, message(Buffer.of(0xff))), ENDS_WELL],
      13,
      /sends what cannot be read/,
    ],
    'that is compressed': [
      [OK, frame(TYPE.data, 0, 1, Buffer.of(1, 0, 0, 0, 0)), ENDS_WELL],
      13,
      /sends what cannot be read/,
    ],
    'with an unknown flag': [
      [OK, frame(TYPE.data, 0, 1, Buffer.of(2, 0, 0, 0, 0)), ENDS_WELL],
      13,
      /sends what cannot be read/,
    ],
    'that is endless': [[OK, frame(TYPE.data, 0, 1, Buffer.of(0, 255, 0, 0, 0))], 8, /too long/],
    'of HTTP': [
      [trailers(field(':status', '404'))],
      2,
      /answered with HTTP status 404: it is no gRPC server/,
    ],
    'of HTTP, with a page': [
      [headers(field(':status', '503')), frame(TYPE.data, END_STREAM, 1, Buffer.from('no upstream'))],
      2,
      /answered with HTTP status 503: it is no gRPC server/,
    ],
    'whose status is empty': [
      [OK, frame(TYPE.data, 0, 1, ANSWER), trailers(field('grpc-status', ''))],
      14,
      /was lost: try again/,
    ],
    'that ends with OK within a message': [
      [OK, frame(TYPE.data, 0, 1, ANSWER), frame(TYPE.data, 0, 1, ANSWER.subarray(0, 6)), ENDS_WELL],
      13,
      /sends what cannot be read/,
    ],
    'with a reset': [[frame(TYPE.reset, 0, 1, words(7))], 14, /was lost: try again/],
    'with a reset (ENHANCE_YOUR_CALM)': [[frame(TYPE.reset, 0, 1, words(11))], 8, /was lost: try again/],
    'with GOAWAY': [[frame(TYPE.goaway, 0, 0, words(0, 0))], 14, /was lost: try again/],
    'with headers that are malformed': [[headers(indexed(99))], 13, /cannot be read/],
    'with headers of a wrong code': [[headers(Buffer.of(0, 0x81, 0x00, 0))], 13, /cannot be read/],
    'with a table that was not offered': [[headers(tableSize(5000))], 13, /cannot be read/],
    'with headers without end': [
      [
        headers(Buffer.alloc(16_000), 0),
        ...Array.from({ length: 5 }, () => frame(TYPE.continuation, 0, 1, Buffer.alloc(16_000))),
      ],
      13,
      /cannot be read/,
    ],
    'with endless empty CONTINUATION frames': [
      [headers(Buffer.of(0x88), 0), ...Array.from({ length: 8_000 }, () => frame(TYPE.continuation, 0, 1))],
      13,
      /cannot be read/,
    ],
    'with headers again and again': [
      Array.from({ length: 20 }, (_, n) => headers(field(`x${n}`, 'y'.repeat(4_000)))),
      13,
      /cannot be read/,
    ],
    'with another frame within its headers': [[headers(Buffer.of(0x88), 0), GREETING], 13, /cannot be read/],
    'with more padding than there is': [[frame(TYPE.data, 0x8, 1, Buffer.of(9, 0))], 13, /cannot be read/],
    'with an unrequested push': [[frame(TYPE.push, END_HEADERS, 1, words(2))], 13, /cannot be read/],
    'with a frame that is too long': [
      [frame(TYPE.data, 0, 1, Buffer.alloc(16_385))],
      13,
      /is no gRPC server/,
    ],
  }
  for (const [what, [frames, status, text]] of Object.entries(answers)) {
    it(`${what} is status ${status}`, async () => {
      await using server = await Scripted.listen(Buffer.concat([GREETING, ...frames]))
      await assert.rejects(fetchTokens(server.client, ['a']), { status, message: text })
    })
  }

  it('that breaks off is UNAVAILABLE, and so is a missing one', async () => {
    await using half = await Scripted.listen(Buffer.concat([GREETING, OK]), 'closes')
    await assert.rejects(fetchTokens(half.client, ['a']), { status: 14, message: /was lost: try again/ })
    await using none = await Scripted.listen(Buffer.alloc(0), 'closes')
    await assert.rejects(fetchTokens(none.client, ['a']), { status: 14, message: /^cannot reach \S+ \(/ })
    await using other = await Scripted.listen(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'closes')
    await assert.rejects(fetchTokens(other.client, ['a']), { message: /is no gRPC server/ })
  })

  it('that the server abandons at the deadline is DEADLINE_EXCEEDED, whichever side is first', async () => {
    let nowMs = 0
    await using server = await Scripted.listen(Buffer.concat([GREETING, frame(TYPE.reset, 0, 1, words(8))]))
    const clock = { ...systemClock, monotonicMs: () => nowMs }
    using client = new LocalClient({ unixPath: server.place, clock })
    const asked = client.unary(SERVICE, 'FetchJWTSVID', {}, { deadlineMs: 10_000 })
    nowMs = 10_000
    await assert.rejects(asked, { status: StatusCode.DEADLINE_EXCEEDED, message: /did not answer in time/ })
    const early = client.unary(SERVICE, 'FetchJWTSVID', {}, { deadlineMs: 10_000 })
    await assert.rejects(early, { status: StatusCode.UNAVAILABLE })
  })

  it('is not awaited if the server floods pings and reads nothing', async () => {
    const ping = frame(TYPE.ping, 0, 0, Buffer.alloc(8))
    const pings = Buffer.alloc(300_000 * ping.length, ping) // the replies fill any socket
    await using server = await Scripted.listen(Buffer.concat([GREETING, pings]), 'reads nothing')
    await assert.rejects(fetchTokens(server.client, ['a']), { status: 14, message: /does not read/ })
  })

  it('is abandoned at the deadline, even if the request was never read', async () => {
    const granted = [
      frame(TYPE.settings, 0, 0, settings([4, 2 ** 31 - 1])),
      frame(TYPE.window, 0, 0, words(2 ** 30)),
    ]
    await using server = await Scripted.listen(Buffer.concat(granted), 'reads nothing')
    const audience = ['x'.repeat(5_000_000)]
    const asked = server.client.unary(SERVICE, 'FetchJWTSVID', { audience }, { deadlineMs: 200 })
    await assert.rejects(asked, { status: StatusCode.DEADLINE_EXCEEDED })
    await server.hearOut()
    assert.ok(server.heard.length < 5_000_000) // the rest was dropped, and does not keep the process alive
  })
})
