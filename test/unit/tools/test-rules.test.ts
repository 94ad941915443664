import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TestEvent } from 'node:test/reporters'
import { SuiteSizes } from '../../../tools/test-rules.ts'

/** What the runner reports about one test or suite, as far as it matters here. */
function passed(name: string, nesting: number, type: 'suite' | 'test', skip?: string): TestEvent {
  const data = { name, nesting, details: { type }, skip, file: 'a.test.ts', line: 7 }
  return { type: 'test:pass', data } as unknown as TestEvent
}

describe('the sizes of suites', () => {
  it('name a suite without tests, at any level', () => {
    const sizes = new SuiteSizes()
    const heard = [
      passed('a test', 1, 'test'),
      passed('full', 0, 'suite'),
      passed('inner', 1, 'suite'),
      passed('has an inner one', 0, 'suite'),
      passed('empty', 0, 'suite'),
      passed('left out', 0, 'suite', 'no root'),
    ].map((event) => sizes.hear(event))
    assert.deepEqual(heard, [
      undefined,
      undefined,
      'inner (a.test.ts:7)',
      undefined,
      'empty (a.test.ts:7)',
      undefined,
    ])
  })
})
