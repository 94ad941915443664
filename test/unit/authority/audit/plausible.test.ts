import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Plausible } from '../../../../src/authority/audit/plausible.ts'

const JOINED_MS = 1_000_000_000
const NOW_MS = 2_000_000_000
const FROM_MS = JOINED_MS - 60_000
const UNTIL_MS = NOW_MS + 60_000

describe('the times and counts that an agent reports', () => {
  const taken = [
    [1, JOINED_MS, NOW_MS],
    [1, FROM_MS, UNTIL_MS],
    [1_000_000, NOW_MS, NOW_MS],
    [4_294_967_295, JOINED_MS, NOW_MS],
  ] as const
  for (const [count, firstMs, lastMs] of taken) {
    it(`are kept: ${count} from ${firstMs} to ${lastMs}`, () => {
      const plausible = new Plausible(JOINED_MS, NOW_MS)
      assert.deepEqual(plausible.times(count, firstMs, lastMs), { count, firstMs, lastMs })
      assert.deepEqual(plausible.mark, {})
    })
  }

  const adjusted = [
    ['the last before the first', [1, NOW_MS, NOW_MS - 5], [1, NOW_MS - 5, NOW_MS]],
    ['before it joined', [1, FROM_MS - 1, NOW_MS], [1, FROM_MS, NOW_MS]],
    ['long before there were computers', [1, -8.64e15, NOW_MS], [1, FROM_MS, NOW_MS]],
    ['in the future', [1, NOW_MS, UNTIL_MS + 1], [1, NOW_MS, UNTIL_MS]],
    ['in the far future', [1, 2 ** 63, 2 ** 63], [1, UNTIL_MS, UNTIL_MS]],
    ['more than any agent can see', [1_000_001, NOW_MS, NOW_MS], [1_000_000, NOW_MS, NOW_MS]],
  ] as const
  for (const [what, [said, saidFirst, saidLast], [count, firstMs, lastMs]] of adjusted) {
    it(`are set to the nearest possible value and marked: ${what}`, () => {
      const plausible = new Plausible(JOINED_MS, NOW_MS)
      assert.deepEqual(plausible.times(said, saidFirst, saidLast), { count, firstMs, lastMs })
      assert.deepEqual(plausible.mark, { adjusted: true })
    })
  }

  it('may name what began before the agent joined, but not what begins later', () => {
    const plausible = new Plausible(JOINED_MS, NOW_MS)
    assert.equal(plausible.begun(5), 5)
    assert.equal(plausible.isAdjusted, false)
    assert.equal(plausible.begun(-5), 0)
    assert.equal(plausible.begun(UNTIL_MS + 5), UNTIL_MS)
    assert.equal(plausible.isAdjusted, true)
  })

  it('are judged by the current time when the instance seems to have joined later', () => {
    assert.equal(new Plausible(NOW_MS + 5, NOW_MS).seen(0), FROM_MS - JOINED_MS + NOW_MS)
  })
})
