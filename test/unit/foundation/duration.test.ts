import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatDuration, parseDuration } from '../../../src/foundation/duration.ts'

describe('parseDuration', () => {
  for (const [text, seconds] of [
    ['250ms', 0.25],
    ['0s', 0],
    ['90s', 90],
    ['30m', 1800],
    ['8h', 28_800],
    ['7d', 604_800],
  ] as const) {
    it(`reads ${text} as ${seconds} seconds`, () => assert.equal(parseDuration(text), seconds))
  }
  for (const text of [
    '',
    '30',
    'm',
    '1.5h',
    '-1s',
    '1h30m',
    ' 1s',
    '1s ',
    '1 s',
    '1y',
    '1e3s',
    '٣s',
    '9999999999999s',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseDuration(text), { code: 'ERR_DURATION_INVALID' })
    })
  }
})

describe('formatDuration', () => {
  for (const text of ['250ms', '0s', '59s', '90s', '30m', '8h', '7d', '25h']) {
    it(`formats ${text} as it was parsed`, () => {
      assert.equal(parseDuration(formatDuration(parseDuration(text))), parseDuration(text))
    })
  }
  it('chooses the largest unit that is exact', () => {
    assert.equal(formatDuration(86_400), '1d')
    assert.equal(formatDuration(5_400), '90m')
  })
})
