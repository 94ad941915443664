import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { forgetNowAndThen } from '../../../../src/authority/bots/forgetting.ts'
import { silentLogger } from '../../../../src/foundation/logger.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const HOUR_MS = 3_600_000

describe('forgetNowAndThen', () => {
  it('runs every hour, also after a failure, with one timer however long it runs, until it is disposed', async () => {
    const clock = new FakeClock()
    let looks = 0
    const forgetExpired = async (): Promise<void> => {
      looks += 1
      throw new TypeError('the disk is full')
    }
    const forgetting = forgetNowAndThen({ forgetExpired }, { clock, logger: silentLogger })
    clock.advance(100 * HOUR_MS)
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([looks, clock.waiting], [100, 1])
    forgetting[Symbol.dispose]()
    assert.equal(clock.waiting, 0)
  })
})
