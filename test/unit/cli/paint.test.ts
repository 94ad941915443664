import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isPainted } from '../../../src/cli/paint.ts'

describe('colours', () => {
  for (const [isTTY, env, expected] of [
    [true, {}, true],
    [true, { TERM: 'xterm', NO_COLOR: '' }, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
  ] as const) {
    it(`are ${expected ? 'on' : 'off'} with ${JSON.stringify(env)} on ${isTTY ? 'a terminal' : 'a pipe'}`, () => {
      assert.equal(isPainted({ isTTY }, env), expected)
    })
  }
})
