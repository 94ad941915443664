import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { connectionLimits } from '../../../src/peer/connection-limits.ts'

const GIB = 1024 ** 3
const asked = { max: 16_384, maxPerUid: 10_000 }

describe('connectionLimits', () => {
  it('allows the configured limit when there is enough of everything', () => {
    assert.deepEqual(connectionLimits(asked, { openFiles: 524_288, memoryBytes: 16 * GIB }), asked)
  })

  it('keeps descriptors free for the program itself', () => {
    const { max, maxPerUid } = connectionLimits(asked, { openFiles: 20_000, memoryBytes: 16 * GIB })
    assert.equal(max, 9_375)
    assert.equal(maxPerUid, max)
    assert.equal(connectionLimits(asked, { openFiles: 1_024, memoryBytes: 16 * GIB }).max, 448)
  })

  it('uses no more than half of the memory', () => {
    assert.equal(connectionLimits(asked, { openFiles: 524_288, memoryBytes: GIB / 4 }).max, 1_024)
  })

  it('allows a few in any case', () => {
    assert.equal(connectionLimits(asked, { openFiles: 64, memoryBytes: 1 }).max, 16)
  })
})
