import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FileWriteError } from '../../../src/foundation/atomic-file.ts'
import { requireCoded } from '../../../src/foundation/errors.ts'

describe('requireCoded', () => {
  it('returns an error of this program', () => {
    const error = new FileWriteError('/x', undefined)
    assert.equal(requireCoded(error), error)
  })
  for (const thrown of [new TypeError('a bug'), 'text', undefined]) {
    it(`throws ${String(thrown)} again`, () => {
      assert.throws(
        () => requireCoded(thrown),
        (again) => again === thrown,
      )
    })
  }
})
