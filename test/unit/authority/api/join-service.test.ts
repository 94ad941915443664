import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { joinHandlers } from '../../../../src/authority/api/join-service.ts'
import { RefusedError } from '../../../../src/authority/audit/errors.ts'
import type { Caller } from '../../../../src/authority/caller.ts'
import type { JoinConversation, JoinInput } from '../../../../src/authority/join/joiner.ts'
import { PROTOCOL_VERSION } from '../../../../src/rpc/protocol.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const ANONYMOUS: Caller = { kind: 'anonymous', address: '192.0.2.1' }
const START = { protocolVersion: PROTOCOL_VERSION, joinToken: 'first', agentTime: null }
const CERTIFICATE = { chain: [], roots: [], notAfterMs: 0, authorityTimeMs: 0 }

/** The service before a joiner that sends one challenge. */
function service(
  reply: object | Promise<object> = { answer: Buffer.from('answer') },
  other?: object,
  clock = new FakeClock(),
) {
  const inputs: JoinInput[] = []
  const answers: string[] = []
  const joiner = {
    join: async (input: JoinInput, { ask }: JoinConversation) => {
      inputs.push(input)
      answers.push((await ask(Buffer.from('challenge'))).toString())
      return CERTIFICATE
    },
  }
  const deps = { joiner: other ?? joiner, renewer: undefined, clock }
  const { Join } = joinHandlers(deps as unknown as Parameters<typeof joinHandlers>[0]) as unknown as {
    Join: { converse(caller: Caller, request: object, ask: object, context: object): Promise<object> }
  }
  const join = (
    caller: Caller,
    start: object | undefined,
    signal = new AbortController().signal,
  ): Promise<object> => Join.converse(caller, { start }, async () => reply, { signal })
  return { join, inputs, answers }
}

describe('JoinService.Join', () => {
  it('passes the address of the caller and the answers of the agent to the joiner', async () => {
    const { join, inputs, answers } = service()
    await join(ANONYMOUS, START)
    assert.deepEqual([inputs[0]?.address, inputs[0]?.joinToken, answers], ['192.0.2.1', 'first', ['answer']])
  })

  it('refuses a first message without a start, and a challenge without an answer', async () => {
    await assert.rejects(service().join(ANONYMOUS, undefined), { code: 'ERR_RPC_PROTOCOL_VERSION' })
    await assert.rejects(service({}).join(ANONYMOUS, START), { message: 'the challenge was not answered' })
  })

  it('is for callers without a certificate, even if the table of methods were wrong', async () => {
    const { join, inputs } = service()
    await assert.rejects(join({ kind: 'admin', uid: 0 } as unknown as Caller, START), {
      code: 'ERR_AUTHORITY_NOT_AUTHORIZED',
    })
    assert.deepEqual(inputs, [])
  })

  it('slows down one address, and no other', async () => {
    const { join } = service()
    for (let n = 0; n < 50; n += 1) await join(ANONYMOUS, START)
    await assert.rejects(join(ANONYMOUS, START), { kind: 'resource_exhausted' })
    await join({ ...ANONYMOUS, address: '192.0.2.2' }, START)
  })

  it('lets two joins of an address work at a time if many failed, and the others in their turn', async () => {
    const clock = new FakeClock()
    const waiting: PromiseWithResolvers<object>[] = []
    const joiner = {
      join: () => {
        const outcome = Promise.withResolvers<object>()
        waiting.push(outcome)
        return outcome.promise
      },
    }
    const { join } = service({}, joiner, clock)
    const rack = Array.from({ length: 60 }, () => join(ANONYMOUS, START))
    await new Promise(setImmediate)
    assert.equal(waiting.length, 60, 'an address without failures joins at once')
    for (const outcome of waiting.splice(0)) outcome.reject(new RefusedError('R', 'wrong_secret'))
    await Promise.allSettled(rack)

    const turn = () => new Promise(setImmediate)
    const cancelled = new AbortController()
    const three = [join(ANONYMOUS, START), join(ANONYMOUS, START)]
    const gone = join(ANONYMOUS, START, cancelled.signal)
    three.push(join(ANONYMOUS, START))
    const elsewhere = join({ ...ANONYMOUS, address: '192.0.2.2' }, START)
    await turn()
    assert.equal(waiting.length, 3, 'two of the address, and that of another one')
    cancelled.abort(new Error('the call has ended'))
    await assert.rejects(gone, { message: 'the call has ended' })
    waiting[0]?.resolve(CERTIFICATE)
    await turn()
    assert.equal(waiting.length, 4, 'the next one has its turn')
    for (const outcome of waiting.splice(0)) outcome.resolve(CERTIFICATE)
    await Promise.all([...three, elsewhere])

    clock.advance(1_000)
    const six = Array.from({ length: 6 }, () => join(ANONYMOUS, START))
    await turn()
    assert.equal(waiting.length, 5, 'no more than could fail without passing the limit')
    for (const outcome of waiting.splice(0)) outcome.resolve(CERTIFICATE)
    await turn()
    for (const outcome of waiting) outcome.resolve(CERTIFICATE)
    await Promise.all(six)
  })

  it('keeps nobody waiting for an agent that does not answer a challenge', async () => {
    const clock = new FakeClock()
    const refuse = { join: async () => Promise.reject(new RefusedError('R', 'wrong_secret')) }
    const answer = Promise.withResolvers<object>()
    let asked = 0
    const challenge = {
      join: async (_input: JoinInput, { ask }: JoinConversation) => {
        asked += 1
        await ask(Buffer.from('challenge'))
        return CERTIFICATE
      },
    }
    const methods = { join: (...args: [JoinInput, JoinConversation]) => current.join(...args) }
    let current: { join(...args: [JoinInput, JoinConversation]): Promise<object> } = refuse
    const { join } = service(answer.promise, methods, clock)
    for (let n = 0; n < 50; n += 1) await assert.rejects(join(ANONYMOUS, START), { name: 'RefusedError' })
    current = challenge
    const three = [join(ANONYMOUS, START), join(ANONYMOUS, START), join(ANONYMOUS, START)]
    await new Promise(setImmediate)
    assert.equal(asked, 3)
    answer.resolve({ answer: Buffer.from('answer') })
    await Promise.all(three)
  })
})
