import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkAudiences } from '../../../../src/agent/workload-api/audiences.ts'

describe('checkAudiences', () => {
  it('sorts and drops duplicates, so that one set is one token', () => {
    assert.deepEqual(checkAudiences(['b', 'a', 'b']), ['a', 'b'])
  })
  it('accepts 32 audiences, not counting duplicates', () => {
    const many = Array.from({ length: 32 }, (_, index) => `a${index}`)
    assert.equal(checkAudiences([...many, ...many]).length, 32)
  })
  for (const [what, audiences] of [
    ['none', []],
    ['an empty one', ['']],
    ['an empty one among others', ['a', '']],
    ['33', Array.from({ length: 33 }, (_, index) => `a${index}`)],
    ['one of 1 025 characters', ['x'.repeat(1025)]],
    ['one of 1 026 bytes', ['ä'.repeat(513)]],
    // Requests of many callers go to the authority in one message. A few such callers could make it
    // too long for all of them.
    ['more than 4 KiB in all', Array.from({ length: 5 }, (_, index) => `${index}`.repeat(1000))],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => checkAudiences(audiences), { code: 'ERR_WORKLOAD_REQUEST_INVALID' })
    })
  }
})
