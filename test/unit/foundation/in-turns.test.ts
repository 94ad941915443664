import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FairTurns } from '../../../src/foundation/fair-turns.ts'
import { inTurns } from '../../../src/foundation/in-turns.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

describe('inTurns', () => {
  function setUp() {
    const clock = new FakeClock()
    const turns = new FairTurns<string>({ clock, sliceMs: 4 })
    const seen: string[] = []
    const work = (key: string, items: readonly string[], ms = 0) =>
      inTurns({ turns, clock, key }, items, (item) => {
        clock.advance(ms)
        seen.push(item)
        return undefined
      })
    return { clock, turns, seen, work }
  }

  it('does everything in one turn, in order, when it takes no time', async () => {
    const { seen, work } = setUp()
    const done = work('a', ['1', '2', '3'])
    assert.deepEqual(seen, ['1', '2', '3'])
    await done
  })

  it('lets others have their turn between pieces that take long', async () => {
    const { seen, work } = setUp()
    await Promise.all([work('a', ['a1', 'a2', 'a3', 'a4'], 20), work('a', ['a5'], 20), work('b', ['b1'])])
    assert.equal(seen.length, 6)
    assert.ok(seen.indexOf('b1') <= 2)
    assert.ok(seen.indexOf('a5') > 1)
  })

  it('waits for an item that returns a promise, and ends with the first failure', async () => {
    const { turns, clock } = setUp()
    const seen: number[] = []
    const each = (item: number) =>
      item === 3 ? Promise.reject(new RangeError('three')) : Promise.resolve(seen.push(item))
    await assert.rejects(inTurns({ turns, clock, key: 'a' }, [1, 2, 3, 4], each), RangeError)
    assert.deepEqual(seen, [1, 2])
    const bug = (): never => {
      throw new RangeError('bug')
    }
    await assert.rejects(inTurns({ turns, clock, key: 'a' }, [1], bug), RangeError)
  })
})
