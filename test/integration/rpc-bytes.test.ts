import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { CallContext } from '../../src/rpc/handlers.ts'
import { encodeMessage } from '../../src/rpc/services.ts'
import { StatusCode } from '../../src/rpc/status.ts'
import { callHeaders, END_HEADERS, frame, GREETING, TYPE } from '../support/frames.ts'
import { until } from '../support/patience.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { grpcFrame, type RawCall, RpcStack, rawCall } from '../support/rpc-stack.ts'

const KIB = 1024
const JWT = '/SpiffeWorkloadAPI/FetchJWTSVID'
const X509 = '/SpiffeWorkloadAPI/FetchX509SVID'
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
const MESSAGE_BYTES = 128 * KIB
const LIMITS = { connection: 300 * KIB, caller: 500 * KIB, total: 800 * KIB }

const nothing: Disposable = { [Symbol.dispose]: () => {} }
const answer = encodeMessage('JWTSVIDResponse', { svids: [{ svid: 'x' }] })
const handlers = { FetchJWTSVID: { unary: () => answer }, FetchX509SVID: { push: () => nothing } }
const options = { handlers, maxMessageBytes: MESSAGE_BYTES, byteLimits: LIMITS }

/** A message of this length; all of it comes, or all but its last byte. */
const request = (bytes: number, isWhole = false): Buffer =>
  grpcFrame(Buffer.concat([Buffer.from([0x7a]), varint(bytes - 4), Buffer.alloc(bytes - 4)])).subarray(
    0,
    isWhole ? undefined : -1,
  )

/** Field 15, which nobody knows; the length takes three bytes. */
const varint = (value: number): Buffer =>
  Buffer.from([(value & 127) | 128, ((value >> 7) & 127) | 128, value >> 14])

// Sessions are not destroyed here but end with their server. Node aborts when a client session is
// destroyed after responses to requests that it was still sending (`current_nghttp2_memory_ >=
// previous_size`).
describe('memory that requests hold in a server', () => {
  it('is released when calls are answered or reset, and when their connection ends', async () => {
    await using stack = await RpcStack.start(options)
    const session = stack.session()
    assert.equal(
      (await rawCall(session, JWT, { body: request(100 * KIB, true) }).ended).status,
      StatusCode.OK,
    )
    await until(() => stack.server.heldBytes === 0)
    const half = rawCall(session, JWT, { body: request(100 * KIB), open: true })
    await until(() => stack.server.heldBytes > 90 * KIB)
    half.stream.close()
    await until(() => stack.server.heldBytes === 0)
    const socket = stack.socket().resume()
    socket.write(Buffer.concat([GREETING, frame(TYPE.headers, END_HEADERS, 1, callHeaders(JWT))]))
    for (let n = 0; n < 4; n++) {
      socket.write(frame(TYPE.data, 0, 1, request(100 * KIB).subarray(n * 16_000, (n + 1) * 16_000)))
    }
    await until(() => stack.server.heldBytes > 60 * KIB)
    socket.destroy()
    await until(() => stack.server.heldBytes === 0)
  })

  it('does not include streams that the server is already answering', async () => {
    await using stack = await RpcStack.start(options)
    const session = stack.session()
    for (let n = 0; n < 20; n++) rawCall(session, X509)
    await until(() => stack.server.openStreams === 20)
    await until(() => stack.server.heldBytes === 0)
  })

  it('is bounded per connection: the largest requests are ended, and the next one is served', async () => {
    await using stack = await RpcStack.start(options)
    const session = stack.session()
    const small = rawCall(session, JWT, { body: request(20 * KIB), open: true })
    const calls = unfinished(session, 20, 100 * KIB)
    const ended: number[] = []
    for (const call of calls) void call.ended.then(({ status = Number.NaN }) => ended.push(status))
    await until(() => ended.length >= 15)
    for (const status of ended) assert.equal(status, StatusCode.RESOURCE_EXHAUSTED)
    assert.ok(stack.server.heldBytes <= LIMITS.connection)
    small.stream.end(Buffer.of(0))
    assert.equal((await small.ended).status, StatusCode.OK)
    assert.match(stack.logged.join(), /"event":"requests.evicted"/)
  })

  it('is bounded for all connections of a caller together, also in many small pieces', async () => {
    await using stack = await RpcStack.start(options)
    const sessions = Array.from({ length: 5 }, () => stack.session())
    const calls = sessions.flatMap((session) => unfinished(session, 90, 20 * KIB))
    let ended = 0
    for (const call of calls) call.stream.once('close', () => ended++)
    await until(() => ended > 100)
    assert.ok(stack.server.heldBytes <= LIMITS.caller)
  })

  it('includes requests that are announced but have not arrived', async () => {
    await using stack = await RpcStack.start({ ...options, maxStreamsPerConnection: 1_000 })
    using client = await RawConnection.greeted(stack.socketPath)
    for (let n = 0; n < 900; n++) client.send(frame(TYPE.headers, END_HEADERS, 2 * n + 1, callHeaders(JWT)))
    await client.answers()
    const open = stack.connections[0]?.openCalls ?? 0
    assert.ok(open > 20 && open < 50, `${open} open`)
    assert.ok(stack.server.heldBytes <= LIMITS.connection)
  })

  it('includes responses that the client does not read', async () => {
    await using stack = await RpcStack.start(options)
    const session = stack.session({ initialWindowSize: 0 })
    const body = grpcFrame(
      encodeMessage('grpc.reflection.v1.ServerReflectionRequest', {
        fileContainingSymbol: 'signet.v1.AdminService',
      }),
    )
    const calls = Array.from({ length: 90 }, () =>
      rawCall(session, REFLECTION, { body, open: true, read: false }),
    )
    let ended = 0
    for (const call of calls) call.stream.once('close', () => ended++)
    await until(() => ended > 0)
    assert.ok(stack.server.heldBytes <= LIMITS.connection)
  })

  it('stays counted until the handler is done, even if the call has ended', async () => {
    const { promise, resolve } = Promise.withResolvers<Buffer>()
    await using stack = await RpcStack.start({
      ...options,
      handlers: { FetchJWTSVID: { unary: () => promise } },
    })
    const session = stack.session()
    const calls = Array.from({ length: 3 }, () => rawCall(session, JWT, { body: request(90 * KIB, true) }))
    await until(() => stack.server.heldBytes > 260 * KIB)
    calls[0]?.stream.close()
    const more = rawCall(session, JWT, { body: request(60 * KIB, true) })
    assert.equal((await more.ended).status, StatusCode.RESOURCE_EXHAUSTED)
    assert.ok(stack.server.heldBytes > 260 * KIB)
    resolve(answer)
    assert.equal((await calls[1]?.ended)?.status, StatusCode.OK)
    await until(() => stack.server.heldBytes === 0)
  })

  it('includes a connection that has not made a call yet', async () => {
    await using stack = await RpcStack.start({
      ...options,
      byteLimits: { connection: 4 * KIB, caller: 500 * KIB, total: 800 * KIB },
    })
    const socket = stack.socket()
    const closed = new Promise((resolve) => socket.resume().once('close', resolve))
    socket.write(Buffer.concat([GREETING, frame(TYPE.headers, 0, 1, callHeaders(JWT)).subarray(0, 60)]))
    socket.write(Buffer.concat([Buffer.alloc(0)]))
    const headers = Buffer.alloc(9)
    headers.writeUIntBE(12_000, 0, 3)
    headers.writeUInt8(TYPE.headers, 3)
    headers.writeUInt32BE(1, 5)
    const other = stack.socket()
    const gone = new Promise((resolve) => other.resume().once('close', resolve))
    other.write(Buffer.concat([GREETING, headers, Buffer.alloc(100)]))
    await gone
    socket.destroy()
    await closed
    await until(() => stack.server.heldBytes === 0)
  })
})

describe('memory for a response', () => {
  it('is reserved until the response is ready; a call that would exceed the limit is refused', async () => {
    const { promise: done, resolve: finish } = Promise.withResolvers<void>()
    const unary = async (_caller: unknown, _request: object, context: CallContext): Promise<Buffer> => {
      context.expectAnswer(100 * KIB)
      await done
      return answer
    }
    await using stack = await RpcStack.start({ ...options, handlers: { FetchJWTSVID: { unary } } })
    const session = stack.session()
    const waiting = [rawCall(session, JWT), rawCall(session, JWT)]
    await until(() => stack.server.heldBytes >= 200 * KIB)
    assert.equal((await rawCall(session, JWT).ended).status, StatusCode.RESOURCE_EXHAUSTED)
    finish()
    for (const { ended } of waiting) assert.equal((await ended).status, StatusCode.OK)
    await until(() => stack.server.heldBytes === 0)
    assert.equal((await rawCall(session, JWT).ended).status, StatusCode.OK)
  })
})

describe('compressed requests', () => {
  const bomb = grpcFrame(gzipSync(Buffer.concat([request(120 * KIB, true).subarray(5)])), true)
  const headers = { 'grpc-encoding': 'gzip' }

  it('are decompressed one after another, and all are served', async () => {
    await using stack = await RpcStack.start(options)
    const session = stack.session()
    const calls = Array.from({ length: 20 }, () => rawCall(session, JWT, { headers, body: bomb }))
    for (const { status } of await Promise.all(calls.map(({ ended }) => ended))) {
      assert.equal(status, StatusCode.OK)
    }
    await until(() => stack.server.heldBytes === 0)
  })

  it('do not delay others when they are abandoned while they wait', async () => {
    await using stack = await RpcStack.start(options)
    const session = stack.session()
    const other = stack.session()
    const calls = Array.from({ length: 20 }, () => rawCall(session, JWT, { headers, body: bomb, open: true }))
    await until(() => stack.server.heldBytes > 60 * KIB)
    for (const call of calls) call.stream.close()
    assert.equal((await rawCall(other, JWT, { headers, body: bomb }).ended).status, StatusCode.OK)
    await Promise.all(calls.map(({ ended }) => ended))
    await until(() => stack.server.heldBytes === 0)
  })

  it('are refused by a server that does not decompress', async () => {
    await using stack = await RpcStack.start({ ...options, limitsOf: () => ({ decompresses: false }) })
    const session = stack.session()
    const { status } = await rawCall(session, JWT, { headers, body: bomb }).ended
    assert.equal(status, StatusCode.UNIMPLEMENTED)
    assert.equal((await rawCall(session, JWT, { headers }).ended).status, StatusCode.OK)
  })
})

function unfinished(session: Parameters<typeof rawCall>[0], count: number, bytes: number): RawCall[] {
  const body = request(bytes)
  return Array.from({ length: count }, () => rawCall(session, JWT, { body, open: true }))
}
