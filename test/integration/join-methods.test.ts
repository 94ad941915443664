import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { join as joinAsBot } from '../../src/agent/join/join-as-bot.ts'
import type { JoinMethod } from '../../src/agent/join/join-method.ts'
import { JOIN_METHODS } from '../../src/agent/join/methods/registry.ts'
import type { StoredIdentity } from '../../src/agent/state/bot-identity.ts'
import type { IdentityStore } from '../../src/agent/state/identity-file.ts'
import type { RefusedError } from '../../src/authority/audit/errors.ts'
import type { JoinInput } from '../../src/authority/join/joiner.ts'
import { factsOf } from '../../src/authority/resources/facts.ts'
import type { JoinSettings } from '../../src/config/join-methods/registry.ts'
import { signDetached } from '../../src/crypto/jws.ts'
import type { KeyPair } from '../../src/crypto/keys.ts'
import { joinChallengeStatement } from '../../src/crypto/proof-of-possession.ts'
import { CodedError } from '../../src/foundation/errors.ts'
import { RpcError, StatusCode } from '../../src/rpc/status.ts'
import { CHALLENGE, ChallengingAuthority, challengedAgent } from '../fakes/challenge-method.ts'
import {
  type AuthorityState,
  createToken,
  join,
  lastEvent,
  newKey,
  openState,
  shown,
  temporaryDirectory,
  UNCHALLENGED,
} from '../support/authority-state.ts'
import { doorTo } from '../support/in-process-door.ts'

const TRUST_DOMAIN = 'example.org'

class IssuerDownError extends CodedError {
  override readonly name = 'IssuerDownError'
  readonly code = 'ERR_TEST_ISSUER_DOWN'
  readonly kind = 'internal'
}

async function fixture() {
  const place = await temporaryDirectory()
  const known = await newKey()
  const method = new ChallengingAuthority(known)
  const methods = new Map([[CHALLENGE, method]])
  const reopen = () => openState({ dataDir: place.path, methods })
  let state = await reopen()
  await createToken(state, { method: CHALLENGE, maxUses: 5 })
  return {
    known,
    method,
    get state() {
      return state
    },
    restart: async () => {
      await state[Symbol.asyncDispose]()
      state = await reopen()
    },
    [Symbol.asyncDispose]: async () => {
      await state[Symbol.asyncDispose]()
      await place[Symbol.asyncDispose]()
    },
  }
}

/** An agent with the challenging method, in memory. */
function agent(state: AuthorityState, method: JoinMethod, token = 'first') {
  const store: IdentityStore & { stored: StoredIdentity | undefined } = {
    stored: undefined,
    save: async (stored) => {
      store.stored = stored
    },
  }
  const settings = { token, method: CHALLENGE } as unknown as JoinSettings
  return joinAsBot(
    {
      config: { join: settings, authority: { address: '', pin: state.keys.current().pin } },
      store,
      door: doorTo(state),
      methods: new Map([...JOIN_METHODS, [CHALLENGE, method]]),
      clock: state.clock,
      environment: {},
    },
    new AbortController().signal,
  )
}

/** Answers like an agent whose certificate is for `certified` and that signs with `signing`. */
function answering(
  certified: KeyPair,
  signing: KeyPair,
  more: Partial<Parameters<typeof joinChallengeStatement>[0]> = {},
) {
  const context = { trustDomain: TRUST_DOMAIN, joinToken: 'first', method: CHALLENGE, ...more }
  return {
    ...UNCHALLENGED,
    ask: async (challenge: Buffer) =>
      signDetached(
        signing.privateKey,
        joinChallengeStatement({ challenge, ...context }, certified.publicKeyDer),
      ),
  }
}

const CHALLENGED: Partial<JoinInput> = { method: CHALLENGE }

async function reasonOf(state: AuthorityState, joining: Promise<unknown>): Promise<string> {
  const error = await joining.then(
    () => assert.fail('accepted'),
    (thrown: RefusedError) => thrown,
  )
  assert.equal(error.code, 'ERR_REFUSED', String(error))
  const [row] = await state.audit.list({ ref: error.reference })
  const { reason, method } = JSON.parse(row?.detailJson ?? '{}') as { reason: string; method: string }
  return `${method} ${reason}`
}

describe('a join method that challenges', () => {
  it('makes an agent that answers a bot, and stores what it has proven with the instance', async () => {
    await using fixed = await fixture()
    const { method, known } = fixed
    const { identity } = await agent(fixed.state, challengedAgent(known))
    assert.equal(method.asked, 2)
    const event = await lastEvent(fixed.state, 'join.accepted')
    assert.equal(event?.detail['method'], CHALLENGE)
    assert.deepEqual(event?.detail['attributes'], method.attributes)
    await fixed.restart()
    const instance = fixed.state.bots.get(identity.botInstanceId)
    assert.ok(instance)
    assert.deepEqual(factsOf(instance, {}).join, {
      method: CHALLENGE,
      token: 'first',
      challenge: method.attributes,
    })
  })

  it('refuses another key with the same message as any other mistake', async () => {
    await using fixed = await fixture()
    await assert.rejects(agent(fixed.state, challengedAgent(await newKey())), (error: RpcError) => {
      assert.equal(error.status, StatusCode.PERMISSION_DENIED)
      assert.match(error.publicMessage, /^refused, reference [0-9A-Z-]+$/)
      return true
    })
    assert.equal((await lastEvent(fixed.state, 'join.refused'))?.detail['reason'], 'wrong_signature')
  })

  it('refuses answers that were signed for another agent, token, method or trust domain', async () => {
    await using fixed = await fixture()
    const { state, known } = fixed
    const key = await newKey()
    for (const answers of [
      answering(await newKey(), known),
      answering(key, known, { joinToken: 'other' }),
      answering(key, known, { method: 'other' }),
      answering(key, known, { trustDomain: 'other.example' }),
      answering(key, known, { challenge: Buffer.from('another challenge') }),
    ]) {
      assert.equal(
        await reasonOf(state, join(state, key, '', CHALLENGED, answers)),
        'challenge wrong_signature',
      )
    }
    await join(state, key, '', CHALLENGED, answering(key, known))
  })

  it('also challenges without a token of that method, so that a stranger learns nothing', async () => {
    await using fixed = await fixture()
    const { state, known, method } = fixed
    await createToken(state, { name: 'by-secret' })
    const key = await newKey()
    for (const [joinToken, reason] of [
      ['nothing', 'challenge unknown_token'],
      ['by-secret', 'challenge wrong_method'],
    ] as const) {
      method.asked = 0
      const answers = answering(key, known, { joinToken })
      assert.equal(await reasonOf(state, join(state, key, '', { ...CHALLENGED, joinToken }, answers)), reason)
      assert.equal(method.asked, 2)
    }
    assert.equal(await reasonOf(state, join(state, key, 'a guess')), 'secret wrong_method')
  })

  it('is refused if this authority does not have the method, and is counted as unknown', async () => {
    await using fixed = await fixture()
    const { state } = fixed
    const refused = join(state, await newKey(), '', { method: 'x'.repeat(100) })
    assert.equal(await reasonOf(state, refused), `${'x'.repeat(64)} unknown_method`)
    assert.match(state.metrics.expose(), /signet_join_total\{method="unknown",result="refused"\} 1/)
  })

  it('asks the agent to retry if it cannot decide, and consumes no use', async () => {
    await using fixed = await fixture()
    const { state, known, method } = fixed
    method.failure = new IssuerDownError('https://issuer.internal does not answer')
    await assert.rejects(agent(state, challengedAgent(known)), (error: RpcError) => {
      assert.equal(error.status, StatusCode.UNAVAILABLE)
      assert.equal(error.publicMessage, 'the join cannot be decided now: try again')
      return true
    })
    assert.equal(await lastEvent(state, 'join.refused'), undefined)
    method.failure = undefined
    await agent(state, challengedAgent(known))
  })

  it('tells an agent that answers a challenge with nothing not to retry', async () => {
    await using fixed = await fixture()
    const mute: JoinMethod = {
      load: async () => ({ prove: () => Buffer.alloc(0), answer: () => undefined as never }),
    }
    await assert.rejects(agent(fixed.state, mute), (error: RpcError) => {
      assert.equal(error.status, StatusCode.INVALID_ARGUMENT)
      assert.equal(error.publicMessage, 'the challenge was not answered')
      return true
    })
  })

  it('is not undecided if the agent disconnects before it answers', async () => {
    await using fixed = await fixture()
    const gone = new AbortController()
    const ending = new RpcError(StatusCode.UNAVAILABLE, 'gone')
    const ask = async () => {
      gone.abort(ending)
      throw ending
    }
    const conversation = { ask, signal: gone.signal }
    const joining = join(fixed.state, await newKey(), '', CHALLENGED, conversation)
    await assert.rejects(joining, ending)
  })

  it('does not accept a token that was changed meanwhile', async () => {
    await using fixed = await fixture()
    const { state, known, method } = fixed
    method.meanwhile = async () => void (await createToken(state, { method: CHALLENGE, maxUses: 6 }))
    await assert.rejects(agent(state, challengedAgent(known)), { status: StatusCode.UNAVAILABLE })
    assert.deepEqual(state.bots.list(), [])
    method.meanwhile = async () => undefined
    await agent(state, challengedAgent(known))
  })

  it('consumes no use for an agent that has disconnected meanwhile', async () => {
    await using fixed = await fixture()
    const { state, known, method } = fixed
    const gone = new AbortController()
    method.meanwhile = async () => gone.abort(new RpcError(StatusCode.UNAVAILABLE, 'gone'))
    const key = await newKey()
    const conversation = { ...answering(key, known), signal: gone.signal }
    await assert.rejects(join(state, key, '', CHALLENGED, conversation), { publicMessage: 'gone' })
    assert.deepEqual(state.bots.list(), [])
  })

  it('verifies again for a key that retries, which stays the same instance', async () => {
    await using fixed = await fixture()
    const { state, known, method } = fixed
    const key = await newKey()
    const lost = await join(state, key, '', CHALLENGED, answering(key, known))
    method.attributes = { key: { size: 384 } }
    const again = await join(state, key, '', CHALLENGED, answering(key, known))
    assert.equal(again.botInstanceId, lost.botInstanceId)
    assert.deepEqual(state.bots.use(shown(again)).joinAttributes, { key: { size: 384 } })
  })

  for (const [what, attributes] of [
    ['longer than can be stored', { text: 'x'.repeat(9_000) }],
    ['not a tree of attributes', { list: [{ no: 'list of these' }] } as never],
  ] as const) {
    it(`is refused if what it has proven is ${what}`, async () => {
      await using fixed = await fixture()
      const { state, known, method } = fixed
      method.attributes = attributes
      const key = await newKey()
      const joining = join(state, key, '', CHALLENGED, answering(key, known))
      assert.equal(await reasonOf(state, joining), 'challenge unusable_attributes')
    })
  }

  it('is abandoned by an agent whose method cannot answer', async () => {
    await using fixed = await fixture()
    const silent: JoinMethod = { load: async () => ({ prove: () => Buffer.alloc(0) }) }
    await assert.rejects(agent(fixed.state, silent), { code: 'ERR_JOIN_CHALLENGE' })
    assert.deepEqual(fixed.state.bots.list(), [])
  })
})
