import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { CodedError } from '../../src/foundation/errors.ts'
import type { Ask, CallContext, ConversationLimits } from '../../src/rpc/handlers.ts'
import { encodeMessage } from '../../src/rpc/services.ts'
import { StatusCode } from '../../src/rpc/status.ts'
import { grpcFrame, RpcStack, rawCall } from '../support/rpc-stack.ts'

const SERVICE = 'envoy.service.secret.v3.SecretDiscoveryService'
const METHOD = `/${SERVICE}/StreamSecrets`
const LIMITS: ConversationLimits = { maxMessages: 3, maxBytes: 1000, maxMs: 60_000 }

interface Said {
  readonly resourceNames?: readonly string[]
}
interface Heard {
  readonly versionInfo?: string
}
type Lead = (first: string, ask: (word: string) => Promise<string>, call: CallContext) => Promise<string>

class RefusedError extends CodedError {
  override readonly name = 'RefusedError'
  readonly code = 'ERR_TEST_REFUSED'
  readonly kind = 'permission_denied'
}

const wordOf = ({ resourceNames = [] }: Said): string => resourceNames[0] ?? ''
const frame = (word: string): Buffer =>
  grpcFrame(encodeMessage('envoy.service.discovery.v3.DiscoveryRequest', { resourceNames: [word] }))

/** A server whose one method is led by the test, in words. */
function start(lead: Lead, limits = LIMITS) {
  const converse = async (_caller: object, first: Said, ask: Ask<Said, Heard>, call: CallContext) => ({
    versionInfo: await lead(wordOf(first), async (word) => wordOf(await ask({ versionInfo: word })), call),
  })
  return RpcStack.start({ service: SERVICE, handlers: { StreamSecrets: { converse, limits } } })
}

describe('a conversation', () => {
  it('goes on in turn for as long as the handler asks, and ends with OK behind its last message', async () => {
    await using stack = await start(async (first, ask) => `${first} ${await ask('1?')} ${await ask('2?')}`)
    using client = stack.client()
    using call = client.converse<Said, Heard>(SERVICE, 'StreamSecrets')
    assert.equal((await call.say({ resourceNames: ['hello'] })).versionInfo, '1?')
    assert.equal((await call.say({ resourceNames: ['one'] })).versionInfo, '2?')
    assert.equal((await call.say({ resourceNames: ['two'] })).versionInfo, 'hello one two')
    await assert.rejects(call.say({}), { status: StatusCode.INTERNAL })
  })

  it('may be of one message each, also from a client that ends its request with it', async () => {
    await using stack = await start(async (first) => `${first}!`)
    const session = stack.session()
    const call = rawCall(session, METHOD, { body: frame('hello') })
    assert.equal((await call.ended).status, StatusCode.OK)
    session.close()
  })

  it('ends with the status that the handler throws, whenever it does', async () => {
    await using stack = await start(async (first, ask) => {
      if (first === 'now') throw new RefusedError('no')
      await ask('why?')
      throw new RefusedError('still no')
    })
    using client = stack.client()
    using one = client.converse<Said, Heard>(SERVICE, 'StreamSecrets')
    await assert.rejects(one.say({ resourceNames: ['now'] }), {
      status: StatusCode.PERMISSION_DENIED,
      publicMessage: 'no',
    })
    using other = client.converse<Said, Heard>(SERVICE, 'StreamSecrets')
    await other.say({ resourceNames: ['later'] })
    await assert.rejects(other.say({}), { publicMessage: 'still no' })
  })

  it('ends alone when its handler throws before there is a promise', async () => {
    const converse = (_caller: object, { resourceNames = [] }: Said): Promise<Heard> => {
      if (resourceNames[0] === 'now') throw new RefusedError('no')
      return Promise.resolve({ versionInfo: 'fine' })
    }
    const handlers = { StreamSecrets: { converse, limits: LIMITS } }
    await using stack = await RpcStack.start({ service: SERVICE, handlers })
    using client = stack.client()
    using one = client.converse<Said, Heard>(SERVICE, 'StreamSecrets')
    await assert.rejects(one.say({ resourceNames: ['now'] }), { publicMessage: 'no' })
    using other = client.converse<Said, Heard>(SERVICE, 'StreamSecrets')
    assert.equal((await other.say({ resourceNames: ['later'] })).versionInfo, 'fine')
  })

  it('reads no message before the handler asks for it, however many are sent', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const heard: string[] = []
    await using stack = await start(async (first, ask) => {
      heard.push(first)
      await promise
      heard.push(await ask('next?'))
      return 'done'
    })
    const session = stack.session()
    const body = Buffer.concat(['a', 'b', 'c', 'd', 'e'].map(frame))
    const call = rawCall(session, METHOD, { body, open: true })
    while (heard.length === 0) await new Promise(setImmediate)
    assert.deepEqual(heard, ['a'])
    resolve()
    assert.equal((await call.ended).status, StatusCode.OK)
    assert.deepEqual(heard, ['a', 'b'])
    session.close()
  })

  for (const [what, limits, words] of [
    ['more messages', LIMITS, ['1', '2', '3', '4']],
    ['more bytes', { ...LIMITS, maxBytes: 100 }, ['1', 'x'.repeat(120)]],
  ] as const) {
    it(`is ended for ${what} than its method allows`, async () => {
      const given: unknown[] = []
      await using stack = await start(async (_first, ask) => {
        try {
          for (;;) await ask('more?')
        } catch (error) {
          given.push(error)
          throw error
        }
      }, limits)
      using client = stack.client()
      using call = client.converse<Said, Heard>(SERVICE, 'StreamSecrets')
      for (const word of words.slice(0, -1)) await call.say({ resourceNames: [word] })
      const last = call.say({ resourceNames: [words.at(-1) ?? ''] })
      await assert.rejects(last, { status: StatusCode.UNAVAILABLE })
      while (given.length === 0) await new Promise(setImmediate)
      assert.equal((given[0] as CodedError).code, 'ERR_RPC_ENDING')
      assert.equal(stack.server.heldBytes, 0)
    })
  }

  it('is ended when it takes longer than its method allows, and its handler hears of it', async () => {
    let signal: AbortSignal | undefined
    await using stack = await start(
      (_first, _ask, call) => {
        signal = call.signal
        return new Promise((_, reject) =>
          call.signal.addEventListener('abort', () => reject(call.signal.reason)),
        )
      },
      { ...LIMITS, maxMs: 20 },
    )
    using client = stack.client()
    using call = client.converse<Said, Heard>(SERVICE, 'StreamSecrets')
    await assert.rejects(call.say({ resourceNames: ['hello'] }), {
      status: StatusCode.UNAVAILABLE,
      publicMessage: /taken too long/,
    })
    assert.equal(signal?.aborted, true)
  })

  it('lets its handler know when the client has gone while it was asked', async () => {
    const gone = Promise.withResolvers<unknown>()
    await using stack = await start(async (_first, ask) => {
      await ask('still there?').catch(gone.resolve)
      return 'nobody reads this'
    })
    const session = stack.session()
    const call = rawCall(session, METHOD, { body: frame('hello'), open: true })
    await once(call.stream, 'data')
    call.stream.close()
    assert.equal(((await gone.promise) as CodedError).code, 'ERR_RPC_ENDING')
    assert.equal(stack.server.heldBytes, 0)
    session.close()
  })

  for (const [what, body, message] of [
    ['nothing', 'none', 'no request message'],
    ['garbage', grpcFrame(Buffer.from([0xff])), 'malformed request message'],
    ['one message and then no answer', frame('hello'), 'the request ends without an answer'],
  ] as const) {
    it(`is ended when the client sends ${what}`, async () => {
      await using stack = await start((_first, ask) => ask('and?'))
      const session = stack.session()
      const ended = await rawCall(session, METHOD, { body }).ended
      assert.equal(ended.status, StatusCode.INVALID_ARGUMENT)
      assert.equal(decodeURI(ended.message ?? ''), message)
      session.close()
    })
  }

  it('is ended with UNAVAILABLE when the server ends', async () => {
    await using stack = await start((_first, ask) => ask('and?').then(() => new Promise(() => undefined)))
    using client = stack.client()
    using call = client.converse<Said, Heard>(SERVICE, 'StreamSecrets')
    await call.say({ resourceNames: ['hello'] })
    const refused = assert.rejects(call.say({}), { status: StatusCode.UNAVAILABLE })
    await stack[Symbol.asyncDispose]()
    await refused
  })

  it('is given up by its client with a signal', async () => {
    await using stack = await start((_first, ask) => ask('and?').then(() => new Promise(() => undefined)))
    using client = stack.client()
    const abort = new AbortController()
    using call = client.converse<Said, Heard>(SERVICE, 'StreamSecrets', { signal: abort.signal })
    await call.say({ resourceNames: ['hello'] })
    const next = call.say({})
    abort.abort()
    await assert.rejects(next, { publicMessage: 'the call was given up' })
  })
})
