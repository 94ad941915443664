import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FairTurns } from '../../../src/foundation/fair-turns.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function setUp() {
  const clock = new FakeClock()
  const events: string[] = []
  const left = { toLetGo: 1 }
  const turns = new FairTurns<string>({
    clock,
    sliceMs: 10,
    contendedSliceMs: 2.5,
    hold: (key) => void events.push(`hold ${key}`),
    resume: (key) => {
      events.push(`resume ${key}`)
      left.toLetGo -= 1
      return left.toLetGo <= 0
    },
  })
  const work = (key: string, ms: number): void =>
    turns.run(key, () => {
      clock.advance(ms)
      events.push(key)
    })
  return { turns, clock, events, work, left }
}

describe('FairTurns', () => {
  it('runs tasks immediately for a key that asks for little', () => {
    const { events, work } = setUp()
    for (const key of ['a', 'b', 'a']) work(key, 1)
    assert.deepEqual(events, ['a', 'b', 'a'])
  })

  it('makes a key that has used its time wait, while others go on', async () => {
    const { turns, events, work } = setUp()
    for (let n = 0; n < 5; n++) work('flood', 6)
    work('few', 1)
    assert.deepEqual(events, ['flood', 'flood', 'hold flood', 'few'])
    assert.equal(turns.waiting, 3)
    for (let n = 0; n < 50; n++) await turn()
    assert.equal(events.filter((event) => event === 'flood').length, 5)
    assert.equal(events.at(-1), 'resume flood')
    assert.equal(turns.isHeld('flood'), false)
  })

  it('shortens turns while there are several keys', () => {
    const { turns, events, work } = setUp()
    work('few', 1)
    for (let n = 0; n < 3; n++) work('flood', 2)
    assert.deepEqual(events, ['few', 'flood', 'flood', 'hold flood'])
    assert.equal(turns.waiting, 1)
  })

  it('makes a key wait for what it has used beyond its time', async () => {
    const { events, work } = setUp()
    work('flood', 35)
    work('flood', 1)
    await turn()
    await turn()
    assert.deepEqual(events, ['flood', 'hold flood'])
    await turn()
    await turn()
    assert.deepEqual(events.slice(0, 3), ['flood', 'hold flood', 'flood'])
  })

  it('gives waiting keys their turns one after another', async () => {
    const { events, work } = setUp()
    for (const key of ['a', 'b']) for (let n = 0; n < 4; n++) work(key, 10)
    for (let n = 0; n < 40; n++) await turn()
    const order = events.filter((event) => event.length === 1)
    assert.deepEqual(order.slice(2), ['a', 'b', 'a', 'b', 'a', 'b'])
  })

  it('holds a key again that adds too much before all of it was released', async () => {
    const { events, work, left } = setUp()
    left.toLetGo = 3
    for (let n = 0; n < 2; n++) work('flood', 10)
    while (!events.includes('resume flood')) await turn()
    work('flood', 1)
    assert.equal(events.filter((event) => event === 'hold flood').length, 2)
  })

  it('stops a key immediately that takes far more than its time in other ways', async () => {
    const { turns, events } = setUp()
    turns.charge('a', 15)
    assert.deepEqual(events, [])
    turns.charge('a', 5)
    assert.deepEqual(events, ['hold a'])
    for (let n = 0; n < 3; n++) await turn()
    assert.deepEqual(events, ['hold a', 'resume a'])
  })

  it('counts additional charges', () => {
    const { turns, events, work } = setUp()
    turns.charge('a', 10)
    work('a', 1)
    assert.deepEqual(events, ['hold a'])
  })

  it('delays those who wait while another caller may be arriving, but not for long', async () => {
    const { turns, clock, events, work } = setUp()
    for (let n = 0; n < 4; n++) work('a', 10)
    const done = (): number => events.filter((event) => event === 'a').length
    await turn()
    assert.equal(done(), 2)
    for (let n = 0; n < 5; n++) {
      turns.hurry()
      await turn()
    }
    assert.equal(done(), 2)
    clock.advance(20)
    turns.hurry()
    await turn()
    assert.equal(done(), 3)
  })

  it("counts a task's cost in addition to its running time, whether it has waited or not", async () => {
    const { turns, events, work } = setUp()
    work('flood', 10)
    for (let n = 0; n < 3; n++) turns.run('flood', () => void events.push('flood'), 10)
    const done = (): number => events.filter((event) => event === 'flood').length
    await turn()
    assert.equal(done(), 2)
    await turn()
    assert.equal(done(), 3)
  })

  it('goes on after a task that throws', async () => {
    const { turns, events, work } = setUp()
    assert.throws(
      () =>
        turns.run('a', () => {
          throw new RangeError('x')
        }),
      RangeError,
    )
    work('a', 1)
    assert.deepEqual(events, ['a'])
  })
})
