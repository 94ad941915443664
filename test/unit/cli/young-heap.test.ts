import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'

/** Prints the size of the young generation, in KiB, after each step of a program that makes garbage. */
const PROGRAM = `
  import { getHeapSpaceStatistics } from 'node:v8'
  import { YoungHeap } from ${JSON.stringify(new URL('../../../src/cli/young-heap.ts', import.meta.url).href)}
  const young = new YoungHeap()
  const step = async (rounds) => {
    for (let round = 0; round < rounds; round++) {
      const held = Array.from({ length: 60_000 }, (_, n) => ({ n, list: [n] }))
      await new Promise((resolve) => setImmediate(resolve, held))
    }
    const { space_size: bytes } = getHeapSpaceStatistics().find((each) => each.space_name === 'new_space')
    console.log(bytes / 1024)
  }
  young.keep()
  await step(5)
  young.letGrow()
  await step(12)
  await step(12)
`

describe('the young heap', () => {
  it('stays small until it may grow, and then grows to its limit', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', PROGRAM])
    const [small = 0, grown = 0, later = 0] = stdout.trim().split('\n').map(Number)
    assert.ok(small < 8 * 1024, `${small} KiB`)
    assert.ok(grown > small && grown < 40 * 1024, `${grown} KiB`)
    assert.ok(later < 40 * 1024, `${later} KiB`)
  })
})
