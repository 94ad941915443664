import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Batcher } from '../../../src/agent/batcher.ts'

describe('Batcher', () => {
  it('asks in one call what was asked in one turn, and gives each its own answer', async () => {
    const calls: (readonly number[])[] = []
    const batcher = new Batcher<number, string>(async (requests) => {
      calls.push(requests)
      return requests.map((n) => `answer ${n}`)
    })
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => batcher.ask(n))), [
      'answer 1',
      'answer 2',
      'answer 3',
    ])
    assert.deepEqual(calls, [[1, 2, 3]])
  })

  it('sends no more than 256 in one call', async () => {
    const sizes: number[] = []
    const batcher = new Batcher<number, number>(async (requests) => {
      sizes.push(requests.length)
      return requests
    })
    await Promise.all(Array.from({ length: 600 }, (_, n) => batcher.ask(n)))
    assert.deepEqual(sizes, [256, 256, 88])
  })

  it('keeps four calls in flight and gathers what comes meanwhile', async () => {
    const calls: { readonly size: number; readonly end: () => void }[] = []
    const batcher = new Batcher<number, number>(
      (requests) =>
        new Promise((resolve) => calls.push({ size: requests.length, end: () => resolve(requests) })),
    )
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const answers: Promise<number>[] = []
    for (let n = 0; n < 10; n += 1) {
      answers.push(batcher.ask(n))
      await turn()
    }
    assert.deepEqual(
      calls.map(({ size }) => size),
      [1, 1, 1, 1],
    )
    calls[0]?.end()
    await answers[0]
    await turn()
    assert.deepEqual(
      calls.map(({ size }) => size),
      [1, 1, 1, 1, 6],
    )
    for (const { end } of calls) end()
    assert.equal((await Promise.all(answers)).length, 10)
  })

  it('fails one without the others, and all when the call fails', async () => {
    const batcher = new Batcher<number, number>(async (requests) => {
      if (requests.includes(99)) throw new RangeError('no call')
      return requests.map((n) => (n === 2 ? new RangeError('not two') : n))
    })
    const [one, two] = await Promise.allSettled([batcher.ask(1), batcher.ask(2)])
    assert.equal(one.status, 'fulfilled')
    assert.equal(two.status, 'rejected')
    await assert.rejects(batcher.ask(99), /no call/)
    assert.equal(await batcher.ask(3), 3)
  })
})
