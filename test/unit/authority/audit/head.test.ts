import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  headKeyId,
  NO_LINE,
  readHead,
  signHead,
  unverifiedHead,
} from '../../../../src/authority/audit/head.ts'
import { signDetached } from '../../../../src/crypto/jws.ts'
import { generateKeyPair } from '../../../../src/crypto/keys.ts'

const key = await generateKeyPair('ed25519')
const end = { sequence: 7, hash: Buffer.alloc(32, 1) }
const first = signHead(end, 1000, { counter: 0, line: NO_LINE }, key)
const second = signHead({ ...end, sequence: 9 }, 2000, first, key)

describe('readHead', () => {
  it('reads back what was signed', () => {
    assert.deepEqual(readHead(first.line, NO_LINE, key.publicKey), first)
    assert.deepEqual(readHead(second.line, first.line, key.publicKey), second)
  })
  it('accepts any predecessor for the first line that it sees', () => {
    assert.deepEqual(readHead(second.line, undefined, key.publicKey), second)
  })
  it('refuses a head in another place', () => {
    assert.equal(readHead(second.line, NO_LINE, key.publicKey), undefined)
  })
  it('refuses a head signed by another key', async () => {
    assert.equal(readHead(first.line, NO_LINE, (await generateKeyPair('ed25519')).publicKey), undefined)
  })
  const fields = JSON.parse(first.line)
  const forged = [
    { ...fields, sequence: 6 },
    { ...fields, hash: '00'.repeat(32) },
    { ...fields, time_ms: 1 },
    { ...fields, signature: '' },
    { ...fields, signature: 7 },
    { ...fields, v: 3 },
    { ...fields, counter: 2 },
    { ...fields, counter: undefined },
    { ...fields, key_id: '0123456789abcdef' },
    {},
    null,
    [],
    'head',
  ]
  for (const value of forged) {
    it(`refuses ${JSON.stringify(value)}`, () => {
      assert.equal(readHead(JSON.stringify(value), undefined, key.publicKey), undefined)
    })
  }
  it('counts from head to head, and says which key signed', () => {
    assert.deepEqual([first.counter, second.counter], [1, 2])
    assert.equal(second.keyId, headKeyId(key))
  })
  it('reads a head among other members, in any order', () => {
    const logged = {
      level: 'info',
      ...Object.fromEntries(Object.entries(fields).reverse()),
      msg: 'audit head',
    }
    assert.deepEqual(readHead(JSON.stringify(logged), undefined, key.publicKey)?.hash, end.hash)
  })
  it('reads a head from before heads were counted', () => {
    const { counter: _, key_id: __, signature: ___, ...old } = { ...fields, v: 1 }
    const signature = signDetached(key.privateKey, Buffer.from(`signet audit head\n${JSON.stringify(old)}`))
    const line = JSON.stringify({ ...old, signature: signature.toString('base64url') })
    assert.deepEqual(readHead(line, NO_LINE, key.publicKey), {
      counter: 0,
      sequence: 7,
      hash: end.hash,
      commits: undefined,
      timeMs: 1000,
      keyId: undefined,
      line,
    })
  })
  it('refuses what is not JSON', () => {
    assert.equal(readHead('{', undefined, key.publicKey), undefined)
    assert.equal(unverifiedHead(''), undefined)
  })
})
