import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { encodeMessage } from '../../../src/rpc/services.ts'
import { type AgentMethod, SERVED, streams } from '../../support/agent-methods.ts'
import {
  callHeaders,
  END_HEADERS,
  END_STREAM,
  field,
  frame,
  settings,
  TYPE,
  words,
} from '../../support/frames.ts'
import { until } from '../../support/patience.ts'
import { RawConnection } from '../../support/raw-connection.ts'
import { residentBytes } from '../../support/resident-bytes.ts'
import { type RawCall, RpcStack, rawCall } from '../../support/rpc-stack.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../../support/stack.ts'
import { canSwitchUser, WorkloadProcess } from '../../support/workload-process.ts'

/** Peers that take nothing of what they asked for. */

const UID = process.getuid?.() ?? 0
const OTHER = canSwitchUser ? 61_010 : UID
const ENTITLED = { 'workload.spiffe.io': 'true' }
const CONNECTIONS = 20
const KIB = 1024
/** Memory per blocked call: its own objects and what is queued for it, with some room for the heap. */
const MAX_PER_CALL = 64 * KIB
const X509 = '/SpiffeWorkloadAPI/FetchX509SVID'
const nothing: Disposable = { [Symbol.dispose]: () => {} }

describe('peers that grant no flow-control window', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.serving({
      resources: `${DEFAULT_RESOURCES}---${identityFor(UID)}---${identityFor(OTHER, 'other')}`,
    })
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  function stingy(): http2.ClientHttp2Session {
    const session = http2.connect('http://localhost', {
      createConnection: () => net.connect(stack.socket),
      settings: { initialWindowSize: 0 },
    })
    return session.on('error', () => undefined)
  }

  for (const calls of [50, 100]) {
    it(`on ${CONNECTIONS} connections of ${calls} calls, of every method, do not delay others and take bounded memory`, async () => {
      const before = await residentBytes(stack.agent.pid)
      const sessions = Array.from({ length: CONNECTIONS }, stingy)
      try {
        const answered = sessions.flatMap((session, n) => {
          const { path, request } = SERVED[n % SERVED.length] as AgentMethod
          return Array.from({ length: calls }, () => {
            const { stream } = rawCall(session, path, { headers: ENTITLED, body: request })
            return Promise.race([once(stream, 'response'), once(stream, 'close')])
          })
        })
        await Promise.all(answered)
        await using other = new WorkloadProcess({
          socket: stack.socket,
          method: 'FetchX509SVID',
          stay: true,
          ...(canSwitchUser ? { uid: OTHER } : {}),
        })
        assert.equal((await other.outcome()).event, 'message')
        await stack.apply(identityFor(OTHER, 'more'))
        assert.equal((await other.outcome()).event, 'message') // pushed while all the others wait
        await stack.admin('delete', 'workload_identity', 'more')
        const grown = (await residentBytes(stack.agent.pid)) - before
        assert.ok(grown < CONNECTIONS * calls * MAX_PER_CALL, `${Math.round(grown / KIB)} KiB`)
      } finally {
        for (const session of sessions) session.destroy()
      }
    })
  }

  it('get the newest snapshot once they grant one', async () => {
    using connection = await RawConnection.greeted(stack.socket)
    connection.send(frame(TYPE.settings, 0, 0, settings([4, 0])))
    for (const [n, { path, request, shape }] of streams(SERVED).entries()) {
      const id = 2 * n + 1
      connection.send(
        frame(TYPE.headers, END_HEADERS, id, callHeaders(path)),
        frame(TYPE.data, shape === 'watch' ? END_STREAM : 0, id, request),
      )
      await connection.hears(({ type, stream }) => type === TYPE.headers && stream === id)
    }
    assert.ok(!connection.frames.some(({ type }) => type === TYPE.data))
    connection.send(frame(TYPE.settings, 0, 0, settings([4, 65_535])))
    for (const n of streams(SERVED).keys()) {
      await connection.hears(({ type, stream }) => type === TYPE.data && stream === 2 * n + 1)
    }
  })
})

describe('a stream whose peer does not read', () => {
  const snapshot = (n: number): Buffer =>
    encodeMessage('X509SVIDResponse', { svids: [{ hint: `${n}`, x509Svid: Buffer.alloc(20_000) }] })
  const sends = {
    FetchX509SVID: {
      push: (_peer: unknown, _request: object, sink: { send(message: Buffer): void }) => {
        sink.send(snapshot(0))
        sink.send(snapshot(1))
        return nothing
      },
    },
    FetchJWTSVID: { unary: () => Buffer.alloc(100) },
  }

  it('is reset with ENHANCE_YOUR_CALM after a minute, which clients do not take for success, on 20 connections of 100 calls', async () => {
    await using stack = await RpcStack.start({ handlers: sends, maxStreamsPerConnection: 128 })
    const sessions = Array.from({ length: CONNECTIONS }, () => stack.session({ initialWindowSize: 0 }))
    const calls: RawCall[] = []
    for (const session of sessions) {
      await once(session, 'remoteSettings')
      for (let n = 0; n < 100; n++) calls.push(rawCall(session, X509))
    }
    await until(() => stack.server.openStreams === calls.length)
    stack.clock.advance(70_000)
    for (const { ended } of calls)
      assert.deepEqual(await ended, { reset: http2.constants.NGHTTP2_ENHANCE_YOUR_CALM })
    await until(() => stack.server.openStreams === 0)
    const [session] = sessions
    assert.ok(session)
    session.settings({ initialWindowSize: 65_535 })
    assert.equal((await rawCall(session, '/SpiffeWorkloadAPI/FetchJWTSVID').ended).status, 0)
    for (const each of sessions) each.destroy()
  })

  it('is served again after its window was reduced below zero and reopened', async () => {
    await using stack = await RpcStack.start({ handlers: sends })
    using connection = await RawConnection.greeted(stack.socketPath)
    connection.send(
      frame(TYPE.settings, 0, 0, settings([4, 10_000])),
      frame(TYPE.headers, END_HEADERS, 1, callHeaders(X509)),
      frame(TYPE.data, END_STREAM, 1, Buffer.alloc(5)),
    )
    await connection.hears(() => connection.bytes(1) === 10_000)
    connection.send(frame(TYPE.settings, 0, 0, settings([4, 100]))) // 9 900 below nothing
    connection.send(frame(TYPE.window, 0, 1, words(9_900)))
    await connection.answers()
    assert.equal(connection.bytes(1), 10_000)
    connection.send(frame(TYPE.window, 0, 1, words(100_000)))
    await connection.hears(() => connection.bytes(1) > 40_000)
  })

  it('loses only its own connection when its window exceeds the maximum of HTTP/2', async () => {
    await using stack = await RpcStack.start({ handlers: sends })
    using other = await RawConnection.greeted(stack.socketPath)
    using connection = await RawConnection.greeted(stack.socketPath)
    connection.send(
      frame(TYPE.headers, END_HEADERS, 1, callHeaders(X509)),
      frame(TYPE.data, 0, 1, Buffer.alloc(5)),
      frame(TYPE.window, 0, 1, words(0x7fffffff)),
    )
    await connection.closed
    await other.answers()
    assert.equal(stack.server.openStreams, 0)
  })

  it('is reset after its deadline, which it cannot be told, and other streams of its connection are not affected', async () => {
    await using stack = await RpcStack.start({ handlers: sends })
    using connection = await RawConnection.greeted(stack.socketPath)
    connection.send(
      frame(TYPE.settings, 0, 0, settings([4, 0])),
      frame(TYPE.headers, END_HEADERS, 1, callHeaders(X509, field('grpc-timeout', '50m'))),
      frame(TYPE.data, END_STREAM, 1, Buffer.alloc(5)),
    )
    await until(() => stack.server.openStreams === 1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await connection.answers()
    stack.clock.advance(70_000)
    const reset = await connection.hears(({ type }) => type === TYPE.reset)
    assert.equal(reset.payload.readUInt32BE(), http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
    await until(() => stack.server.openStreams === 0)
  })

  it('gets the status of its deadline when it reads again', async () => {
    await using stack = await RpcStack.start({ handlers: sends })
    const session = stack.session({ initialWindowSize: 0 })
    await once(session, 'remoteSettings')
    const call = rawCall(session, X509, { headers: { 'grpc-timeout': '50m' } })
    await once(call.stream, 'response')
    await new Promise((resolve) => setTimeout(resolve, 100))
    session.settings({ initialWindowSize: 1_000_000 })
    assert.equal((await call.ended).status, 4)
    session.destroy()
  })
})
