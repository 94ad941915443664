import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { CodedError } from '../../src/foundation/errors.ts'
import type { ByteLimits } from '../../src/rpc/byte-budget.ts'
import type { DuplexListener, DuplexSink } from '../../src/rpc/handlers.ts'
import { encodeMessage } from '../../src/rpc/services.ts'
import { grpcFrame, RpcStack, rawCall } from '../support/rpc-stack.ts'

const SERVICE = 'envoy.service.secret.v3.SecretDiscoveryService'
const METHOD = `/${SERVICE}/StreamSecrets`
const ANSWER = Buffer.alloc(1_000, 7)

interface Request {
  readonly resourceNames: readonly string[]
}

const ask = (name: string, compressed = false): Buffer => {
  const bytes = encodeMessage('envoy.service.discovery.v3.DiscoveryRequest', { resourceNames: [name] })
  return grpcFrame(compressed ? gzipSync(bytes) : bytes, compressed)
}

class RefusedError extends CodedError {
  override readonly name = 'RefusedError'
  readonly code = 'ERR_TEST_REFUSED'
  readonly kind = 'permission_denied'
}

/** The server's side of one stream, as the test plays it. */
class Listener implements DuplexListener<Request> {
  readonly heard: string[] = []
  sink: DuplexSink | undefined
  disposed = 0
  onName: (name: string) => void = () => undefined
  #waiting: (() => void)[] = []

  onRequest({ resourceNames }: Request): void {
    this.#hear(...resourceNames)
    this.onName(resourceNames[0] ?? '')
  }

  onWritable(): void {
    this.#hear('writable')
  }

  onHalfClose(): void {
    this.#hear('half-close')
  }

  [Symbol.dispose](): void {
    this.disposed += 1
    this.#hear('over')
  }

  async until(what: string): Promise<void> {
    while (!this.heard.includes(what)) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #hear(...what: string[]): void {
    this.heard.push(...what)
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

async function start(byteLimits?: ByteLimits) {
  const listener = new Listener()
  const stack = await RpcStack.start({
    service: SERVICE,
    ...(byteLimits && { byteLimits }),
    handlers: {
      StreamSecrets: {
        duplex: (_peer, sink) => {
          listener.sink = sink
          return listener
        },
      },
    },
  })
  return { stack, listener }
}

describe('a duplex stream', () => {
  it('delivers every request as it arrives, and sends whenever there is something to send', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    const call = rawCall(stack.session(), METHOD, { body: ask('a'), open: true })
    await listener.until('a')
    listener.sink?.send(ANSWER)
    await once(call.stream, 'data')
    await listener.until('writable')
    call.stream.write(ask('b'))
    await listener.until('b')
    listener.sink?.send(ANSWER)
    await once(call.stream, 'data')
    assert.deepEqual(listener.heard.slice(0, 3), ['a', 'writable', 'b'])
    call.stream.close()
    await listener.until('over')
  })

  it('delivers requests that arrive together in order, compressed ones included', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    const body = Buffer.concat([ask('a', true), ask('b', true), ask('c'), ask('d', true)])
    const headers = { 'grpc-encoding': 'gzip' }
    const call = rawCall(stack.session(), METHOD, { body, open: true, headers })
    await listener.until('d')
    assert.deepEqual(listener.heard, ['a', 'b', 'c', 'd'])
    call.stream.close()
  })

  it('counts what is kept of its requests, and is ended when that is too much', async () => {
    const limit = 256 * 1024
    const { stack, listener } = await start({ connection: limit, caller: limit, total: limit })
    await using _stack = stack
    const call = rawCall(stack.session(), METHOD, { body: ask('a'), open: true })
    await listener.until('a')
    const before = stack.server.heldBytes
    for (const bytes of [200_000, 1_000, 100_000]) listener.sink?.keeps(bytes)
    assert.equal(stack.server.heldBytes, before + 100_000)
    listener.sink?.keeps(2 * limit)
    await listener.until('over')
    assert.equal(stack.server.heldBytes, 0)
    assert.deepEqual(await call.ended, {
      status: 8,
      message: encodeURI('too many bytes of requests are being held'),
    })
  })

  it('has one message on its way, and is told when its reader has made room', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    const session = stack.session({ initialWindowSize: 0 })
    const call = rawCall(session, METHOD, { body: ask('a'), open: true, read: false })
    await listener.until('a')
    listener.sink?.send(ANSWER)
    assert.equal(listener.sink?.busy, true)
    assert.throws(() => listener.sink?.send(ANSWER), TypeError)
    call.stream.write(ask('b'))
    await listener.until('b') // requests are heard all the same
    assert.equal(listener.heard.includes('writable'), false)
    session.settings({ initialWindowSize: 65_535 })
    await listener.until('writable')
    assert.equal(listener.sink?.busy, false)
    call.stream.close()
  })

  it('whose reader makes no room for a minute is cut', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    const session = stack.session({ initialWindowSize: 0 })
    const call = rawCall(session, METHOD, { body: ask('a'), open: true, read: false })
    await listener.until('a')
    listener.sink?.send(ANSWER)
    for (let ms = 0; ms <= 65_000; ms += 5_000) stack.clock.advance(5_000)
    assert.deepEqual(await call.ended, { reset: 11 })
    assert.equal(listener.disposed, 1)
  })

  it('goes on after its client has said all it wanted', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    const call = rawCall(stack.session(), METHOD, { body: ask('a') })
    await listener.until('half-close')
    listener.sink?.send(ANSWER)
    await once(call.stream, 'data')
    listener.sink?.end(new RefusedError('enough'))
    assert.deepEqual(await call.ended, { status: 7, message: 'enough' })
    assert.equal(listener.disposed, 1)
  })

  it('without a request is INVALID_ARGUMENT, and UNAVAILABLE when none comes for a minute', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    assert.equal((await rawCall(stack.session(), METHOD, { body: 'none' }).ended).status, 3)
    const call = rawCall(stack.session(), METHOD, { body: Buffer.alloc(0), open: true })
    while (stack.connections.length < 2) await new Promise((resolve) => setImmediate(resolve))
    while (stack.connections[1]?.openCalls === 0) await new Promise((resolve) => setImmediate(resolve))
    for (let ms = 0; ms <= 65_000; ms += 5_000) stack.clock.advance(5_000)
    assert.equal((await call.ended).status, 14)
    assert.deepEqual(listener.heard, [])
  })

  it('stays open after its first request, however quiet it is', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    const call = rawCall(stack.session(), METHOD, { body: ask('a'), open: true })
    await listener.until('a')
    for (let ms = 0; ms <= 300_000; ms += 5_000) {
      stack.clock.advance(5_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    call.stream.write(ask('b'))
    await listener.until('b')
    call.stream.close()
  })

  it('is UNAVAILABLE when a later request has begun and does not end within a minute, which the next one has anew', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    const call = rawCall(stack.session(), METHOD, { body: ask('a'), open: true })
    await listener.until('a')
    const sweep = async (): Promise<void> => {
      stack.clock.advance(5_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    for (const name of ['b', 'c']) {
      const request = ask(name)
      call.stream.write(request.subarray(0, 7))
      for (let ms = 0; ms < 50_000; ms += 5_000) await sweep()
      call.stream.write(request.subarray(7))
      await listener.until(name)
    }
    call.stream.write(ask('d').subarray(0, 7))
    while (!listener.heard.includes('over')) await sweep()
    assert.equal((await call.ended).status, 14)
    assert.deepEqual(listener.heard, ['a', 'b', 'c', 'over'])
  })

  it('ends with INVALID_ARGUMENT at bytes that are not a request', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    const call = rawCall(stack.session(), METHOD, { body: ask('a'), open: true })
    await listener.until('a')
    call.stream.write(grpcFrame(Buffer.from('garbage')))
    assert.equal((await call.ended).status, 3)
    assert.equal(listener.disposed, 1)
  })

  it('ends with the status of what its listener throws', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    listener.onName = () => {
      throw new RefusedError('not you')
    }
    const call = rawCall(stack.session(), METHOD, { body: ask('a'), open: true })
    assert.deepEqual(await call.ended, { status: 7, message: 'not%20you' })
  })

  it('ends at a flood of requests, after a bounded number of them', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    const flood = Buffer.concat(Array.from({ length: 10_000 }, () => ask('a')))
    const call = rawCall(stack.session(), METHOD, { body: flood, open: true })
    assert.equal((await call.ended).status, 8)
    assert.equal(listener.heard.filter((name) => name === 'a').length, 200)
  })

  it('may send ever so many requests over time', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    const call = rawCall(stack.session(), METHOD, { body: ask('0'), open: true })
    for (let n = 1; n < 500; n += 1) {
      if (n % 100 === 0) stack.clock.advance(10_000)
      call.stream.write(ask(`${n}`))
      await listener.until(`${n}`)
    }
    call.stream.close()
  })

  it('ends with DEADLINE_EXCEEDED at the time its client has set, though its request goes on', async () => {
    const { stack, listener } = await start()
    await using _stack = stack
    const headers = { 'grpc-timeout': '50m' }
    const call = rawCall(stack.session(), METHOD, { body: ask('a'), open: true, headers })
    assert.equal((await call.ended).status, 4)
    assert.equal(listener.disposed, 1)
  })
})
