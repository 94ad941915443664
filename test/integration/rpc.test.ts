import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { CallContext, StreamSink } from '../../src/rpc/handlers.ts'
import { encodeMessage } from '../../src/rpc/services.ts'
import { type Answer, answer, JWT, NotYoursError, nothing, X509 } from '../support/rpc-answers.ts'
import { grpcFrame, RpcStack, rawCall } from '../support/rpc-stack.ts'

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

  it('is answered with the public message of a coded error, which the log has in full', async () => {
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

  it('reveals nothing of an unexpected error, which is logged', async () => {
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

  it('to an unknown method is UNIMPLEMENTED, and its name is not sent back', async () => {
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

// Deadlines used to be counted from the start of the process: after the host had slept, every call
// was past its deadline before it was sent.
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
