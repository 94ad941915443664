import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeCrockford } from '../../../src/foundation/crockford.ts'
import { createUlid } from '../../../src/foundation/ulid.ts'
import { FakeRandom } from '../../fakes/fake-random.ts'

describe('encodeCrockford', () => {
  it('writes five bits per character, from the left', () => {
    assert.equal(encodeCrockford(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]), 8), 'ZZZZZZZZ')
    assert.equal(encodeCrockford(Buffer.from([0, 0, 0, 0, 1]), 8), '00000001')
    assert.equal(encodeCrockford(Buffer.from([0b00001_000, 0b10_00011_0, 0b0100_0000]), 4), '1234')
  })
})

describe('createUlid', () => {
  it('begins with the time as in the specification’s example', () => {
    assert.equal(createUlid(1_469_918_176_385, new FakeRandom()).slice(0, 10), '01ARYZ6S41')
  })
  it('has 26 characters, and differs each time', () => {
    const random = new FakeRandom()
    const made = Array.from({ length: 1000 }, () => createUlid(0, random))
    for (const ulid of made) assert.match(ulid, /^0{10}[0-9A-HJKMNP-TV-Z]{16}$/)
    assert.equal(new Set(made).size, 1000)
  })
  it('sorts by creation time', () => {
    const random = new FakeRandom()
    const made = [1, 31, 32, 1024, 1_700_000_000_000].map((time) => createUlid(time, random))
    assert.deepEqual(made.toSorted(), made)
  })
})
