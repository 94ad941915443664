import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAttributes } from '../../../src/policy/parse-attributes.ts'

describe('parseAttributes', () => {
  it('reads a tree of attributes', () => {
    const tree = {
      unix: { uid: 1000, groups: [1, 2], user: 'pay', extra: { on: true, names: ['a'], none: [] } },
    }
    assert.deepEqual(parseAttributes(JSON.stringify(tree)), tree)
  })
  const bad = [
    '',
    'x',
    '1',
    'null',
    '[]',
    '"a"',
    '{"a":null}',
    '{"a":[1,"b"]}',
    '{"a":[{}]}',
    '{"a":[[1]]}',
    '{"a":1e999}',
  ]
  for (const text of bad) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parseAttributes(text), undefined)
    })
  }
  it('refuses what is too deep or too long', () => {
    assert.equal(parseAttributes(`${'{"a":'.repeat(20)}1${'}'.repeat(20)}`), undefined)
    assert.equal(parseAttributes(JSON.stringify({ a: 'x'.repeat(70_000) })), undefined)
  })
})
