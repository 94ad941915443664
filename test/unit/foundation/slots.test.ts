import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Slots } from '../../../src/foundation/slots.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('Slots', () => {
  it('runs no more tasks at a time than there are slots, each in turn', async () => {
    const slots = new Slots(2)
    const begun: number[] = []
    const ends = Array.from({ length: 5 }, () => Promise.withResolvers<number>())
    const results = ends.map(({ promise }, n) =>
      slots.run(() => {
        begun.push(n)
        return promise
      }),
    )
    await turn()
    assert.deepEqual(begun, [0, 1])
    ends[1]?.resolve(1)
    await turn()
    assert.deepEqual(begun, [0, 1, 2])
    for (const [n, { resolve }] of ends.entries()) resolve(n)
    assert.deepEqual(await Promise.all(results), [0, 1, 2, 3, 4])
    assert.deepEqual(begun, [0, 1, 2, 3, 4])
  })

  it('gives the slot of a failed task to the next', async () => {
    const slots = new Slots(1)
    const failed = slots.run(() => Promise.reject(new Error('no')))
    const next = slots.run(() => Promise.resolve('yes'))
    await assert.rejects(failed, /no/)
    assert.equal(await next, 'yes')
    assert.equal(await slots.run(() => Promise.resolve('again')), 'again')
  })
})
