import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NO_LINE, readHead, signHead, unverifiedHead } from '../../../../src/authority/audit/head.ts'
import { generateKeyPair } from '../../../../src/crypto/keys.ts'

const key = await generateKeyPair('ed25519')
const end = { sequence: 7, hash: Buffer.alloc(32, 1) }
const first = signHead(end, 1000, NO_LINE, key.privateKey)
const second = signHead({ ...end, sequence: 9 }, 2000, first.line, key.privateKey)

describe('readHead', () => {
  it('reads back what was signed', () => {
    assert.deepEqual(readHead(first.line, NO_LINE, key.publicKey), first)
    assert.deepEqual(readHead(second.line, first.line, key.publicKey), second)
  })
  it('does not know what came before the first line it sees', () => {
    assert.deepEqual(readHead(second.line, undefined, key.publicKey), second)
  })
  it('refuses a head in another place', () => {
    assert.equal(readHead(second.line, NO_LINE, key.publicKey), undefined)
  })
  it('refuses a head of another key', async () => {
    assert.equal(readHead(first.line, NO_LINE, (await generateKeyPair('ed25519')).publicKey), undefined)
  })
  const fields = JSON.parse(first.line)
  const forged = [
    { ...fields, sequence: 6 },
    { ...fields, hash: '00'.repeat(32) },
    { ...fields, time_ms: 1 },
    { ...fields, signature: '' },
    { ...fields, signature: 7 },
    { ...fields, v: 2 },
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
  it('refuses what is no JSON', () => {
    assert.equal(readHead('{', undefined, key.publicKey), undefined)
    assert.equal(unverifiedHead(''), undefined)
  })
})
