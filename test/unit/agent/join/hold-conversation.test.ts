import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { holdConversation } from '../../../../src/agent/join/hold-conversation.ts'
import type { Joining, Prover } from '../../../../src/agent/join/join-method.ts'

const CERTIFICATE = { chain: [Buffer.of(1)] }

/** An authority that sends this many challenges before the certificate, and the answers that it got. */
function challenging(times: number) {
  const heard: object[] = []
  let ended = 0
  const say = async (request: object): Promise<object> => {
    heard.push(request)
    return heard.length <= times ? { challenge: Buffer.of(heard.length) } : { certificate: CERTIFICATE }
  }
  const converse = () => ({ say, [Symbol.dispose]: () => (ended += 1) })
  const hold = (prover: Prover) =>
    holdConversation({ converse } as never, { joinToken: 'first' }, prover, {} as Joining)
  return { heard, hold, ended: () => ended }
}

const silent: Prover = { prove: () => Buffer.alloc(0) }
const answering: Prover = { ...silent, answer: (challenge) => Buffer.concat([challenge, Buffer.of(0)]) }
const refused = { code: 'ERR_JOIN_CHALLENGE' }

describe('the conversation of a join', () => {
  it('is one request and one response when nothing is challenged', async () => {
    const authority = challenging(0)
    assert.equal(await authority.hold(silent), CERTIFICATE)
    assert.deepEqual(authority.heard, [{ start: { joinToken: 'first' } }])
    assert.equal(authority.ended(), 1)
  })

  it('answers each challenge', async () => {
    const authority = challenging(2)
    assert.equal(await authority.hold(answering), CERTIFICATE)
    assert.deepEqual(authority.heard.slice(1), [{ answer: Buffer.of(1, 0) }, { answer: Buffer.of(2, 0) }])
  })

  it('ends when the method has no answer', async () => {
    const authority = challenging(1)
    await assert.rejects(authority.hold(silent), refused)
    assert.equal(authority.ended(), 1)
  })

  it('ends when the challenges do not end', async () => {
    const authority = challenging(Number.POSITIVE_INFINITY)
    await assert.rejects(authority.hold(answering), refused)
    assert.equal(authority.heard.length, 8)
  })

  it('may end without a certificate, which the caller judges', async () => {
    const say = async () => ({ certificate: null })
    const converse = () => ({ say, [Symbol.dispose]: () => undefined })
    assert.equal(await holdConversation({ converse } as never, {}, silent, {} as Joining), null)
  })
})
