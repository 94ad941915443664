import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SingleFlight } from '../../../src/foundation/single-flight.ts'

describe('SingleFlight', () => {
  it('runs one task for those who ask for a key meanwhile, and another afterwards', async () => {
    const flights = new SingleFlight<string, number>()
    let runs = 0
    const task = async (): Promise<number> => {
      runs += 1
      return runs
    }
    assert.deepEqual(
      await Promise.all([flights.run('a', task), flights.run('a', task), flights.run('b', task)]),
      [1, 1, 2],
    )
    assert.equal(await flights.run('a', task), 3)
  })

  it('gives a failure to all who waited, and forgets it', async () => {
    const flights = new SingleFlight<string, number>()
    const fail = (): Promise<number> => {
      throw new TypeError('at once')
    }
    const results = await Promise.allSettled([flights.run('a', fail), flights.run('a', fail)])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.equal(await flights.run('a', async () => 1), 1)
  })
})
