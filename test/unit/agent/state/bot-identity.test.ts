import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import {
  formatStoredIdentity,
  parseStoredIdentity,
  type StoredIdentity,
} from '../../../../src/agent/state/bot-identity.ts'
import { generateKeyPair } from '../../../../src/crypto/keys.ts'

describe('the bot identity on disk', () => {
  let stored: StoredIdentity
  before(async () => {
    const key = await generateKeyPair()
    stored = {
      trustDomain: 'example.org',
      roots: [Buffer.from('root')],
      joinToken: 'first',
      current: {
        bot: 'builder',
        botInstanceId: '01J',
        generation: 7,
        chain: [Buffer.from('leaf'), Buffer.from('issuing')],
        key,
        receivedMs: 5,
        lifeMs: 3_600_000,
      },
      nextKey: await generateKeyPair(),
      joining: { token: 'second', key: await generateKeyPair() },
    }
  })

  it('is read as it was written', () => {
    const read = parseStoredIdentity(formatStoredIdentity(stored))
    assert.equal(formatStoredIdentity(read), formatStoredIdentity(stored))
    assert.equal(read.current?.generation, 7)
    assert.ok(read.joining?.key.publicKeyDer.equals(stored.joining?.key.publicKeyDer ?? Buffer.alloc(0)))
  })

  for (const [what, text] of Object.entries({
    nothing: '',
    'half of it': '{"version": 1, "trust_domain": "exa',
    'another version': '{"version": 2}',
    'a list': '[]',
    null: 'null',
    'no roots': '{"version":1,"trust_domain":"a","join_token":"t","roots":[]}',
    'an invalid key': '{"version":1,"trust_domain":"a","join_token":"t","roots":["AA=="],"next_key":"AAAA"}',
  })) {
    it(`is unreadable when it is ${what}`, () => {
      assert.throws(() => parseStoredIdentity(text), { code: 'ERR_AGENT_STATE_UNREADABLE' })
    })
  }

  it('never appears in an error', () => {
    const text = formatStoredIdentity(stored)
    const broken = text.slice(0, -20)
    try {
      parseStoredIdentity(broken)
      assert.fail('was read')
    } catch (error) {
      assert.ok(!String(error).includes(text.slice(-60, -30)))
      assert.equal((error as Error).cause, undefined)
    }
  })
})
