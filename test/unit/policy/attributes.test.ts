import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { lookUp } from '../../../src/policy/attributes.ts'

describe('lookUp', () => {
  const attributes = JSON.parse('{"a":{"b":1,"none":null,"list":[1]}}')
  const cases: readonly (readonly [string, unknown])[] = [
    ['a.b', 1],
    ['a.c', undefined],
    ['a.b.c', undefined],
    ['a.list.0', undefined],
    ['a.none', undefined],
    ['a.none.x', undefined],
    ['__proto__', undefined],
    ['a.constructor', undefined],
  ]
  for (const [path, found] of cases) {
    it(`${found === undefined ? 'finds nothing' : 'finds the value'} at ${path}`, () => {
      assert.equal(lookUp(attributes, path), found)
    })
  }
})
