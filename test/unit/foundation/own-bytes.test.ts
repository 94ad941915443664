import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ownBytes } from '../../../src/foundation/own-bytes.ts'

it('a copy has its own bytes and nothing else', () => {
  const kept = ownBytes(Buffer.from('one '), Buffer.from('and two'))
  assert.equal(kept.toString(), 'one and two')
  assert.equal(kept.buffer.byteLength, kept.length)
  assert.equal(ownBytes().length, 0)
})
