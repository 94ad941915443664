import assert from 'node:assert/strict'
import http2 from 'node:http2'
import net from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { callHeadersTo, END_HEADERS, END_STREAM, frame, GREETING, message, TYPE } from '../support/frames.ts'
import { indexed, type LiteralOptions, literal } from '../support/hpack.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { rawCall } from '../support/rpc-stack.ts'
import { Stack } from '../support/stack.ts'
import { WorkloadClient } from '../support/workload-client.ts'

const FETCH = '/SpiffeWorkloadAPI/FetchJWTSVID'
const ASKED = message(Buffer.from([0x0a, 1, 0x61])) // a JWTSVIDRequest for the audience `a`
const PROTOCOL_ERROR = 1
const PADDED = 8
const WITH_PRIORITY = 32
const PATH = '/tmp/agent.sock'
const FORMS = ['localhost', 'tmp%2Fagent.sock', 'spire_agent', 'unix:a', PATH, '/a b/é@"?|<`', '//']

const authority = (value: string, options: LiteralOptions = {}): Buffer =>
  literal({ name: ':authority', value }, { name: 1, ...options })

function call(stream: number, ...fields: readonly Buffer[]): Buffer {
  return Buffer.concat([
    frame(TYPE.headers, END_HEADERS, stream, callHeadersTo(fields, FETCH)),
    frame(TYPE.data, END_STREAM, stream, ASKED),
  ])
}

let stack: Stack
before(async () => {
  stack = await Stack.serving({ inProcess: true })
})
beforeEach(async () => {
  if (!stack.agent.running) await stack.startAgent()
})
after(async () => stack?.[Symbol.asyncDispose]())

describe('the agent accepts a request', () => {
  const isAnswered = async (client: RawConnection, ...streams: number[]): Promise<void> => {
    for (const stream of streams) {
      const { status, bytes } = await client.answer(stream)
      assert.equal(status, '0')
      assert.ok(bytes > 300, `${bytes} bytes`)
    }
  }
  const connect = (waits: boolean): Promise<RawConnection> =>
    waits ? RawConnection.greeted(stack.socket) : RawConnection.connect(stack.socket)

  for (const waits of [false, true]) {
    const when = waits ? 'from a client that waits for settings' : 'from a client that does not wait'
    const greeting = waits ? Buffer.alloc(0) : GREETING

    for (const form of FORMS) {
      it(`with :authority ${JSON.stringify(form)} ${when}`, async () => {
        using client = await connect(waits)
        client.send(greeting, call(1, authority(form)))
        await isAnswered(client, 1)
        client.send(call(3, authority(form)), call(5, authority('localhost')))
        await isAnswered(client, 3, 5)
      })
    }

    for (const as of ['indexing', 'without', 'never'] as const) {
      for (const huffman of [false, true]) {
        for (const name of [1, 'raw', 'huffman'] as const) {
          const options = { as, huffman, name }
          it(`with a path as literal ${JSON.stringify(options)} ${when}, and later by its index`, async () => {
            using client = await connect(waits)
            client.send(greeting, call(1, authority(PATH, options)))
            await isAnswered(client, 1)
            client.send(call(3, as === 'indexing' ? indexed(62) : authority(PATH, options)))
            await isAnswered(client, 3)
          })
        }
      }
    }

    it(`with a path that arrives byte by byte ${when}`, async () => {
      for (const form of [PATH, 'localhost']) {
        using client = await connect(waits)
        await client.sendByteByByte(greeting, call(1, authority(form, { as: 'indexing' })))
        await isAnswered(client, 1)
        await client.sendByteByByte(call(3, indexed(62)))
        await isAnswered(client, 3)
      }
    })

    it(`with a path in HEADERS and CONTINUATION, split anywhere, padded and with priority, ${when}`, async () => {
      for (const huffman of [false, true]) {
        const block = callHeadersTo([authority(PATH, { huffman, as: 'indexing' })], FETCH)
        for (let split = 0; split <= block.length; split++) {
          using client = await connect(waits)
          const first = Buffer.concat([
            Buffer.of(9, 0, 0, 0, 0, 7),
            block.subarray(0, split),
            Buffer.alloc(9),
          ])
          client.send(
            greeting,
            frame(TYPE.headers, PADDED | WITH_PRIORITY, 1, first),
            frame(TYPE.continuation, END_HEADERS, 1, block.subarray(split)),
            frame(TYPE.data, END_STREAM, 1, ASKED),
            call(3, indexed(62)),
          )
          await isAnswered(client, 1, 3)
        }
      }
    })

    it(`without :authority but with host ${when}; with neither, or an empty one, only that request is refused`, async () => {
      using client = await connect(waits)
      client.send(greeting, call(1, literal({ name: 'host', value: 'a' })))
      await isAnswered(client, 1)
      client.send(call(3), call(5, authority('')), call(7, authority('a')))
      assert.equal((await client.answer(3)).reset, PROTOCOL_ERROR)
      assert.equal((await client.answer(5)).reset, PROTOCOL_ERROR)
      await isAnswered(client, 7)
    })
  }

  it('with a path only if the first request of its connection has one', async () => {
    using client = await RawConnection.connect(stack.socket)
    client.send(GREETING, call(1, authority('a')))
    await isAnswered(client, 1)
    client.send(call(3, authority(PATH)), call(5, authority('a')))
    assert.equal((await client.answer(3)).reset, PROTOCOL_ERROR)
    await isAnswered(client, 5)
  })

  it('that a client sends after PING and a pause, with or without a path', async () => {
    for (const form of [PATH, 'localhost']) {
      using client = await RawConnection.greeted(stack.socket)
      client.send(frame(TYPE.ping, 0, 0, Buffer.alloc(8)))
      await client.hears(({ type, flags }) => type === TYPE.ping && flags === 1)
      client.send(call(1, authority(form)))
      await isAnswered(client, 1)
    }
  })

  it('of a client that never acknowledges SETTINGS', async () => {
    for (const form of [PATH, 'localhost']) {
      using client = await RawConnection.connect(stack.socket, { acknowledges: false })
      client.send(GREETING)
      await client.hears(({ type }) => type === TYPE.settings)
      client.send(call(1, authority(form)))
      await isAnswered(client, 1)
    }
  })

  it('of node:http2 and grpc-js, with or without a path, many on one connection', async () => {
    for (const form of [PATH, 'localhost']) {
      const session = http2.connect('http://localhost', { createConnection: () => net.connect(stack.socket) })
      const headers = { ':authority': form, 'workload.spiffe.io': 'true' }
      const calls = Array.from({ length: 50 }, () => rawCall(session, FETCH, { headers, body: ASKED }))
      for (const { ended } of calls) assert.equal((await ended).status, 0)
      session.destroy()
      using client = new WorkloadClient(stack.socket, { 'grpc.default_authority': form })
      const asked = Array.from({ length: 50 }, () =>
        client.unary('FetchJWTSVID', { audience: ['a'.repeat(900)] }),
      )
      for (const { svids } of await Promise.all(asked)) assert.equal(svids.length, 1)
    }
  })
})

describe('a connection with a path as :authority', () => {
  it('gets updates on an open stream, and UNAVAILABLE when the agent stops', async () => {
    using client = new WorkloadClient(stack.socket, { 'grpc.default_authority': PATH })
    using stream = client.stream('FetchX509SVID', {}, { deadlineMs: 60_000 })
    const first = await stream.next()
    await stack.admin('ca', 'rotate', 'spiffe_x509', '--now')
    const renewed = await stream.until(
      ({ svids }) => !Buffer.from(svids[0].x509Svid).equals(Buffer.from(first.svids[0].x509Svid)),
    )
    assert.equal(renewed.svids[0].spiffeId, first.svids[0].spiffeId)
    const unary = client.unary('FetchJWTSVID', { audience: ['a'] })
    assert.equal((await unary).svids.length, 1)
    assert.equal(await stack.agent.stop(), 0)
    const { code } = await stream.ended
    assert.equal(code, 14)
  })

  it('that grants no window and never reads does not delay others', async () => {
    const clients: RawConnection[] = []
    for (let n = 0; n < 20; n++) {
      const client = await RawConnection.connect(stack.socket)
      client.socket.pause()
      const streams = Array.from({ length: 50 }, (_, i) => call(2 * i + 1, authority(PATH)))
      client.send(GREETING, frame(TYPE.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])), ...streams)
      clients.push(client)
    }
    using other = stack.client()
    for (let n = 0; n < 20; n++) assert.equal((await other.first('FetchX509SVID')).svids.length, 1)
    for (const client of clients) client[Symbol.dispose]()
    assert.equal((await other.first('FetchX509SVID')).svids.length, 1)
    assert.equal(await stack.agent.stop(), 0)
  })
})
