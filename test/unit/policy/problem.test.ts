import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ExpressionInvalidError, Problems } from '../../../src/policy/problem.ts'

describe('Problems', () => {
  it('collects the mistakes of several steps', () => {
    const problems = new Problems()
    const fail = (message: string) => () => {
      throw new ExpressionInvalidError(message)
    }
    assert.equal(problems.attempt(['a'], fail('one')), undefined)
    assert.equal(problems.attempt(['b', 0], fail('two')), undefined)
    assert.equal(
      problems.attempt(['c'], () => 3),
      3,
    )
    assert.deepEqual(problems.list, [
      { path: ['a'], message: 'one' },
      { path: ['b', 0], message: 'two' },
    ])
  })

  it('does not report a bug as a mistake of the author', () => {
    const bug = new TypeError('a bug')
    const step = (): never => {
      throw bug
    }
    assert.throws(() => new Problems().attempt([], step), bug)
  })
})
