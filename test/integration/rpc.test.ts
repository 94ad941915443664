import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { CodedError } from '../../src/foundation/errors.ts'
import type { CallContext, StreamSink } from '../../src/rpc/handlers.ts'
import { decodeMessage, encodeMessage } from '../../src/rpc/services.ts'
import { grpcFrame, RpcStack, rawCall } from '../support/rpc-stack.ts'

class NotYoursError extends CodedError {
  override readonly name = 'NotYoursError'
  readonly code = 'ERR_TEST_NOT_YOURS'
  readonly kind = 'permission_denied'
}

const JWT = '/SpiffeWorkloadAPI/FetchJWTSVID'
const X509 = '/SpiffeWorkloadAPI/FetchX509SVID'
const answer = (svid: string): Buffer => encodeMessage('JWTSVIDResponse', { svids: [{ svid }] })
const nothing: Disposable = { [Symbol.dispose]: () => {} }
interface Answer {
  readonly svids: readonly { readonly svid: string }[]
}

describe('a unary call', () => {
  it('reaches its handler with the caller that the kernel named', async () => {
    await using stack = await RpcStack.start({
      handlers: { FetchJWTSVID: { unary: (peer) => answer(`${peer.credentials.pid}`) } },
    })
    using client = stack.client()
    const { svids } = await client.unary<object, Answer>('SpiffeWorkloadAPI', 'FetchJWTSVID', {})
    assert.equal(svids[0]?.svid, String(process.pid))
  })

  it('may be answered later, with an object, and sees the request; its gate sees the metadata', async () => {
    let seen: readonly string[] = []
    await using stack = await RpcStack.start({
      handlers: {
        FetchJWTSVID: {
          unary: async (_peer, request: { audience: string[] }) => ({
            svids: [{ svid: [...request.audience, ...seen].join() }],
          }),
        },
      },
      gate: (_peer, head) => {
        seen = head.metadata('workload.spiffe.io')
      },
    })
    using client = stack.client({ 'workload.spiffe.io': 'true' })
    const request = { audience: ['a', 'b'] }
    const { svids } = await client.unary<object, Answer>('SpiffeWorkloadAPI', 'FetchJWTSVID', request)
    assert.equal(svids[0]?.svid, 'a,b,true')
  })

  it('is answered with the public text of a planned error; who serves hears all of it', async () => {
    const errors: unknown[] = []
    await using stack = await RpcStack.start({
      handlers: {
        FetchJWTSVID: {
          unary: () => {
            throw new NotYoursError('no identity issued', { detail: 'uid 0' })
          },
        },
      },
      onError: (error) => errors.push(error),
    })
    using client = stack.client()
    await assert.rejects(client.unary('SpiffeWorkloadAPI', 'FetchJWTSVID', {}), {
      code: 'ERR_RPC_FAILED',
      status: 7,
      message: 'no identity issued',
    })
    assert.match(String(errors[0]), /uid 0/)
  })

  it('says nothing of an unplanned error, which is logged', async () => {
    await using stack = await RpcStack.start({
      handlers: { FetchJWTSVID: { unary: () => Promise.reject(new TypeError('the secret is 42')) } },
    })
    using client = stack.client()
    await assert.rejects(client.unary('SpiffeWorkloadAPI', 'FetchJWTSVID', {}), {
      status: 13,
      message: 'internal error',
    })
    assert.match(stack.logged.join(), /rpc\.failed/)
  })

  it('passes its gate when its headers are there, before anything of the request is', async () => {
    let asked = 0
    await using stack = await RpcStack.start({
      handlers: { FetchJWTSVID: { unary: () => assert.fail('not reached') } },
      gate: (_peer, head) => {
        asked += 1
        if (head.metadata('workload.spiffe.io')[0] !== 'true') throw new NotYoursError('no')
      },
    })
    const session = stack.session()
    const call = rawCall(session, JWT, { body: Buffer.from([0]), open: true })
    assert.equal((await call.ended).status, 7)
    assert.equal(asked, 1)
    session.destroy()
  })

  const BODIES: readonly (readonly [string, Buffer | 'none', number])[] = [
    ['without a message, its headers being the end', 'none', 3],
    ['with bytes that are not the message', grpcFrame(Buffer.from('garbage')), 3],
    ['with two messages', Buffer.concat([grpcFrame(Buffer.alloc(0)), grpcFrame(Buffer.alloc(0))]), 3],
    ['with a message that is announced too long', Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]), 8],
  ]
  for (const [what, body, status] of BODIES) {
    it(`${what} is answered with ${status}`, async () => {
      await using stack = await RpcStack.start({ handlers: { FetchJWTSVID: { unary: () => answer('x') } } })
      const session = stack.session()
      assert.equal((await rawCall(session, JWT, { body }).ended).status, status)
      session.destroy()
    })
  }

  it('may be compressed with gzip', async () => {
    await using stack = await RpcStack.start({
      handlers: {
        FetchJWTSVID: { unary: (_peer, request: { audience: string[] }) => answer(request.audience.join()) },
      },
    })
    const session = stack.session()
    const message = gzipSync(encodeMessage('JWTSVIDRequest', { audience: ['a'] }))
    const call = rawCall(session, JWT, {
      headers: { 'grpc-encoding': 'gzip' },
      body: grpcFrame(message, true),
    })
    assert.equal((await call.ended).status, 0)
    assert.ok(call.bytes() > 5)
    session.destroy()
  })

  it('to a method that nobody serves is UNIMPLEMENTED, and its name is not sent back', async () => {
    await using stack = await RpcStack.start()
    const session = stack.session()
    const { status, message } = await rawCall(session, `/x/${'y'.repeat(4_000)}`).ended
    assert.equal(status, 12)
    assert.equal(message, 'unknown%20method')
    session.destroy()
  })

  it('is aborted for its handler when the client gives it up', async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<void>()
    await using stack = await RpcStack.start({
      handlers: {
        FetchJWTSVID: {
          unary: (_peer, _request, context: CallContext) =>
            new Promise<Buffer>(() => context.signal.addEventListener('abort', () => resolve())),
        },
      },
    })
    using client = stack.client()
    const giveUp = new AbortController()
    const call = client.unary('SpiffeWorkloadAPI', 'FetchJWTSVID', {}, { signal: giveUp.signal })
    setTimeout(() => giveUp.abort(), 50)
    await assert.rejects(call, { message: 'the call was given up' })
    await aborted
  })

  it('ends at its deadline', async () => {
    await using stack = await RpcStack.start({
      handlers: { FetchJWTSVID: { unary: () => new Promise<Buffer>(() => {}) } },
    })
    using client = stack.client()
    const call = client.unary('SpiffeWorkloadAPI', 'FetchJWTSVID', {}, { deadlineMs: 100 })
    await assert.rejects(call, { status: 4, kind: 'unavailable' })
  })
})

// Deadlines were counted from the start of the process: after a host had slept, every call was past its own before it was sent.
describe('a wall clock', () => {
  const HOUR_MS = 3_600_000

  it('that was set forward leaves later calls their time', async (t) => {
    await using stack = await RpcStack.start({ handlers: { FetchJWTSVID: { unary: () => answer('a') } } })
    using client = stack.client()
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + HOUR_MS })
    const { svids } = await client.unary<object, Answer>('SpiffeWorkloadAPI', 'FetchJWTSVID', {})
    assert.equal(svids[0]?.svid, 'a')
  })

  it('that was set back does not make later calls wait longer', async (t) => {
    await using stack = await RpcStack.start({
      handlers: { FetchJWTSVID: { unary: () => new Promise<Buffer>(() => {}) } },
    })
    using client = stack.client()
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() - HOUR_MS })
    await assert.rejects(client.unary('SpiffeWorkloadAPI', 'FetchJWTSVID', {}, { deadlineMs: 50 }), {
      message: /did not answer in time/,
    })
  })
})

describe('a stream', () => {
  it('of a finite list ends with OK', async () => {
    await using stack = await RpcStack.start({
      service: 'signet.v1.AdminService',
      handlers: {
        ListAuditEvents: {
          finite: true,
          stream: async function* () {
            for (let i = 0; i < 3; i++) yield { events: [{ event: `e${i}` }] }
          },
        },
      },
    })
    using client = stack.client()
    const events: string[] = []
    for await (const message of client.stream<object, { events: { event: string }[] }>(
      'signet.v1.AdminService',
      'ListAuditEvents',
      {},
    )) {
      events.push(...message.events.map(({ event }) => event))
    }
    assert.deepEqual(events, ['e0', 'e1', 'e2'])
  })

  it('that is a watch ends with UNAVAILABLE, never with OK', async () => {
    await using stack = await RpcStack.start({
      handlers: {
        FetchX509SVID: {
          stream: async function* () {
            yield { svids: [] }
          },
        },
      },
    })
    const session = stack.session()
    assert.equal((await rawCall(session, X509).ended).status, 14)
    session.destroy()
  })

  it('stops its producer when the reader has gone', async () => {
    const { promise: stopped, resolve } = Promise.withResolvers<void>()
    await using stack = await RpcStack.start({
      handlers: {
        FetchX509SVID: {
          stream: async function* (_peer, _request, context: CallContext) {
            try {
              yield { svids: [] }
              await once(context.signal, 'abort')
            } finally {
              resolve()
            }
          },
        },
      },
    })
    const session = stack.session()
    const call = rawCall(session, X509)
    await once(call.stream, 'data')
    session.destroy()
    await stopped
  })

  it('with a grpc-timeout ends with DEADLINE_EXCEEDED', async () => {
    let disposed = 0
    await using stack = await RpcStack.start({
      handlers: { FetchX509SVID: { push: () => ({ [Symbol.dispose]: () => void disposed++ }) } },
    })
    const session = stack.session()
    const call = rawCall(session, X509, { headers: { 'grpc-timeout': '50m' } })
    assert.equal((await call.ended).status, 4)
    assert.equal(disposed, 1)
    session.destroy()
  })
})

describe('a pushed stream', () => {
  it('delivers what is sent, ends with the status that it is given, and is released once', async () => {
    const { promise, resolve } = Promise.withResolvers<StreamSink>()
    let disposed = 0
    await using stack = await RpcStack.start({
      handlers: {
        FetchX509SVID: {
          push: (_peer, _request, sink) => {
            sink.send(encodeMessage('X509SVIDResponse', { svids: [{ hint: 'first' }] }))
            resolve(sink)
            return { [Symbol.dispose]: () => void disposed++ }
          },
        },
      },
    })
    using client = stack.client()
    const stream = client.stream<object, { svids: { hint: string }[] }>(
      'SpiffeWorkloadAPI',
      'FetchX509SVID',
      {},
    )
    assert.equal((await stream.next()).value.svids[0].hint, 'first')
    const sink = await promise
    assert.equal(stack.server.openStreams, 1)
    sink.send(encodeMessage('X509SVIDResponse', { svids: [{ hint: 'second' }] }))
    assert.equal((await stream.next()).value.svids[0].hint, 'second')
    sink.end(new NotYoursError('no identity issued'))
    await assert.rejects(stream.next(), { status: 7, message: 'no identity issued' })
    assert.equal(sink.ended, true)
    assert.equal(disposed, 1)
    assert.equal(stack.server.openStreams, 0)
  })

  it('keeps only the newest snapshot for a reader that grants no window, cuts it in the end, and delays nobody', async () => {
    const sinks: StreamSink[] = []
    await using stack = await RpcStack.start({
      handlers: {
        FetchX509SVID: {
          push: (_peer, _request, sink) => {
            sinks.push(sink)
            return nothing
          },
        },
        FetchJWTSVID: { unary: () => answer('x') },
      },
    })
    const snapshot = (n: number): Buffer =>
      encodeMessage('X509SVIDResponse', { svids: [{ hint: `${n}`, x509Svid: Buffer.alloc(50_000) }] })
    const session = stack.session({ initialWindowSize: 0 })
    const stuck = rawCall(session, X509)
    using reader = stack.client()
    const stream = reader.stream<object, { svids: { hint: string }[] }>(
      'SpiffeWorkloadAPI',
      'FetchX509SVID',
      {},
    )
    const first = stream.next()
    while (sinks.length < 2) await new Promise(setImmediate)
    for (let n = 0; n <= 200; n++) for (const sink of sinks) sink.send(snapshot(n))
    assert.equal((await first).value.svids[0].hint, '0')
    assert.equal(
      (await stream.next()).value.svids[0].hint,
      '200',
      'the reader gets the newest, not what was in between',
    )
    await reader.unary('SpiffeWorkloadAPI', 'FetchJWTSVID', {})
    assert.equal(stuck.bytes(), 0)
    stack.clock.advance(70_000)
    assert.deepEqual(await stuck.ended, { reset: 11 })
    for (const sink of sinks) sink.send(snapshot(201))
    assert.equal((await stream.next()).value.svids[0].hint, '201')
    session.destroy()
  })
})

describe('ending', () => {
  const watch = { FetchX509SVID: { push: () => nothing }, FetchX509Bundles: { push: () => nothing } }

  it('the calls of a caller gives each its status and keeps the connection', async () => {
    await using stack = await RpcStack.start({ handlers: watch })
    const session = stack.session()
    const meant = rawCall(session, X509)
    const other = rawCall(session, '/SpiffeWorkloadAPI/FetchX509Bundles')
    while (stack.server.openStreams < 2) await new Promise(setImmediate)
    const caller = stack.connections[0]?.caller
    assert.ok(caller)
    stack.server.endCalls(caller, new NotYoursError('no identity issued'), (method) => method === X509)
    assert.deepEqual(await meant.ended, { status: 7, message: 'no%20identity%20issued' })
    assert.equal(stack.server.openStreams, 1)
    assert.equal(session.destroyed, false)
    stack.server.endCalls(caller, new NotYoursError('all'))
    assert.equal((await other.ended).status, 7)
    session.destroy()
  })

  it('a connection gives each call its status and then closes', async () => {
    await using stack = await RpcStack.start({ handlers: watch })
    const session = stack.session()
    const call = rawCall(session, X509)
    while (stack.server.openStreams < 1) await new Promise(setImmediate)
    const connection = stack.connections[0]
    assert.ok(connection)
    stack.server.endConnection(connection, new NotYoursError('changed'))
    assert.equal((await call.ended).status, 7)
    await connection.closed
    assert.equal(stack.server.openConnections, 0)
  })

  it('the server sends trailers 14 first, then GOAWAY, then closes', async () => {
    await using stack = await RpcStack.start({ handlers: watch })
    const session = stack.session()
    const order: string[] = []
    session.once('goaway', (code) => order.push(`goaway ${code}`))
    session.on('close', () => order.push('close'))
    const calls = Array.from({ length: 20 }, () => rawCall(session, X509))
    for (const { stream } of calls) stream.once('response', () => order.push('status'))
    const idle = stack.session()
    while (stack.server.openStreams < 20 || stack.server.openConnections < 2) await new Promise(setImmediate)
    const closed = Promise.all([once(session, 'close'), once(idle, 'close')])
    await stack.server.shutdown(5_000)
    await closed
    for (const { ended } of calls) assert.equal((await ended).status, 14)
    assert.deepEqual(order, [...Array.from({ length: 20 }, () => 'status'), 'goaway 0', 'close'])
  })

  it('the server cuts at the deadline what cannot be told', async () => {
    await using stack = await RpcStack.start({
      handlers: {
        FetchX509SVID: {
          push: (_peer, _request, sink) => {
            sink.send(Buffer.alloc(1_000))
            return nothing
          },
        },
      },
    })
    const session = stack.session({ initialWindowSize: 0 })
    rawCall(session, X509)
    while (stack.server.openStreams < 1) await new Promise(setImmediate)
    const down = stack.server.shutdown(5_000)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(stack.server.openConnections, 1)
    stack.clock.advance(5_000)
    await down
    assert.equal(stack.server.openConnections, 0)
  })
})

describe('health and reflection', () => {
  it('Check answers SERVING for what is served and NOT_FOUND for the rest', async () => {
    await using stack = await RpcStack.start({ handlers: { FetchJWTSVID: { unary: () => answer('x') } } })
    using client = stack.client()
    for (const name of ['', 'SpiffeWorkloadAPI', 'grpc.health.v1.Health']) {
      const found = await client.unary('grpc.health.v1.Health', 'Check', { service: name })
      assert.deepEqual(found, { status: 'SERVING' })
    }
    await assert.rejects(client.unary('grpc.health.v1.Health', 'Check', { service: 'other' }), { status: 5 })
  })

  it('says NOT_SERVING for as long as that is so, and tells at once when it changes', async () => {
    await using stack = await RpcStack.start({ handlers: { FetchJWTSVID: { unary: () => answer('x') } } })
    stack.isServing = false
    using client = stack.client()
    const check = (): Promise<object> => client.unary('grpc.health.v1.Health', 'Check', { service: '' })
    assert.deepEqual(await check(), { status: 'NOT_SERVING' })
    const watch = client.stream('grpc.health.v1.Health', 'Watch', { service: 'SpiffeWorkloadAPI' })
    assert.deepEqual((await watch.next()).value, { status: 'NOT_SERVING' })
    const next = watch.next()
    stack.isServing = true
    stack.server.healthMayHaveChanged()
    stack.server.healthMayHaveChanged()
    assert.deepEqual((await next).value, { status: 'SERVING' })
    assert.deepEqual(await check(), { status: 'SERVING' })
    stack.isServing = false
    stack.clock.advance(6_000) // it is looked at without being told, too
    assert.deepEqual((await watch.next()).value, { status: 'NOT_SERVING' })
    await watch.return(undefined)
  })

  it('Watch tells the status and stays open', async () => {
    await using stack = await RpcStack.start()
    using client = stack.client()
    for (const [name, status] of [
      ['', 'SERVING'],
      ['other', 'SERVICE_UNKNOWN'],
    ] as const) {
      const stream = client.stream('grpc.health.v1.Health', 'Watch', { service: name })
      assert.deepEqual((await stream.next()).value, { status })
      await stream.return(undefined)
    }
  })

  for (const version of ['v1', 'v1alpha'] as const) {
    it(`reflection ${version} lists the services and hands out files with their imports first`, async () => {
      await using stack = await RpcStack.start({ handlers: { FetchJWTSVID: { unary: () => answer('x') } } })
      const session = stack.session()
      const type = `grpc.reflection.${version}.ServerReflection`
      const ask = (request: object): Buffer =>
        grpcFrame(encodeMessage(`grpc.reflection.${version}.ServerReflectionRequest`, request))
      const body = Buffer.concat([
        ask({ listServices: '*' }),
        ask({ fileContainingSymbol: 'SpiffeWorkloadAPI.FetchJWTSVID' }),
        ask({ fileContainingSymbol: 'no.Such' }),
        ask({ fileByFilename: 'google/protobuf/struct.proto' }),
      ])
      const call = rawCall(session, `/${type}/ServerReflectionInfo`, { body, read: false })
      const chunks: Buffer[] = []
      call.stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      assert.equal((await call.ended).status, 0)
      const answers = [...splitFrames(Buffer.concat(chunks))].map(
        (bytes) =>
          decodeMessage(`grpc.reflection.${version}.ServerReflectionResponse`, bytes) as ReflectionAnswer,
      )
      assert.ok(answers[0]?.listServicesResponse?.service.some(({ name }) => name === 'SpiffeWorkloadAPI'))
      const files = answers[1]?.fileDescriptorResponse?.fileDescriptorProto ?? []
      assert.equal(files.length, 2)
      assert.match(files[0]?.toString('latin1') ?? '', /google\/protobuf\/struct\.proto/)
      assert.match(files[1]?.toString('latin1') ?? '', /spiffe\/workload\/workload\.proto/)
      assert.equal(answers[2]?.errorResponse?.errorCode, 5)
      assert.equal(answers[3]?.fileDescriptorResponse?.fileDescriptorProto.length, 1)
      session.destroy()
    })
  }
})

interface ReflectionAnswer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] }
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] }
  readonly errorResponse?: { readonly errorCode: number }
}

function* splitFrames(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1)
    yield bytes.subarray(at + 5, at + 5 + length)
    at += 5 + length
  }
}
