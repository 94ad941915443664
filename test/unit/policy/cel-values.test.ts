import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fromCel } from '../../../src/policy/cel-values.ts'
import { Expression, Facts } from '../../../src/policy/expression.ts'
import { CALLER } from './policy-samples.ts'

const json = (text: string): unknown => {
  const outcome = Expression.compile(text).evaluate(new Facts(CALLER))
  assert.ok('value' in outcome)
  return fromCel(outcome.value)
}

describe('the result of an expression in a claim', () => {
  const exact: readonly (readonly [string, unknown])[] = [
    ['"a"', 'a'],
    ['true', true],
    ['7', 7],
    ['1.5', 1.5],
    ['[1, 2]', [1, 2]],
    ['{"a": {"b": [1]}}', { a: { b: [1] } }],
    ['join.github', { repository: 'acme/payments', run: 7, tags: ['a', 'b'] }],
  ]
  for (const [text, value] of exact) {
    it(`is JSON: ${text}`, () => assert.deepEqual(json(text), value))
  }
  for (const text of [
    '9223372036854775807',
    '-9223372036854775807',
    '1.0 / 0.0',
    '[1.0 / 0.0]',
    'null',
    'b"a"',
    '{"a": {"b": b"a"}}',
    '1u',
    'duration("1s")',
    'timestamp("2026-01-01T00:00:00Z")',
  ]) {
    it(`is refused, because JSON cannot represent it exactly: ${text}`, () =>
      assert.equal(json(text), undefined))
  }
})
