import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { JoinTurns } from '../../../../src/authority/join/join-turns.ts'

const ADDRESS = '192.0.2.1'

describe('the turns of joins', () => {
  it('are given in order, and go to the next when one gives up', async () => {
    const turns = new JoinTurns()
    const { signal } = new AbortController()
    const first = await turns.enter(ADDRESS, 1, signal)
    const order: string[] = []
    const gone = new AbortController()
    const second = assert.rejects(turns.enter(ADDRESS, 1, gone.signal), { message: 'gone' })
    const third = turns.enter(ADDRESS, 1, signal).then((turn) => {
      order.push('third')
      return turn
    })
    gone.abort(new Error('gone'))
    await second
    assert.deepEqual(order, [])
    first[Symbol.dispose]()
    const turn = await third
    assert.equal(turns.working(ADDRESS), 1)
    turn[Symbol.dispose]()
    assert.equal(turns.working(ADDRESS), 0)
  })

  it('leave others in line when one is aborted just after it got its turn', async () => {
    const turns = new JoinTurns()
    const { signal } = new AbortController()
    const first = await turns.enter(ADDRESS, 1, signal)
    const late = new AbortController()
    const second = turns.enter(ADDRESS, 1, late.signal)
    const third = turns.enter(ADDRESS, 1, signal)
    first[Symbol.dispose]()
    late.abort()
    const turn = await second
    turn[Symbol.dispose]()
    const last = await third
    last[Symbol.dispose]()
    assert.equal(turns.working(ADDRESS), 0)
  })

  it('end once, however often they are given back', async () => {
    const turns = new JoinTurns()
    const { signal } = new AbortController()
    const first = await turns.enter(ADDRESS, 2, signal)
    await turns.enter(ADDRESS, 2, signal)
    first[Symbol.dispose]()
    first[Symbol.dispose]()
    assert.equal(turns.working(ADDRESS), 1)
  })

  it('are not waited for by a join that has ended', async () => {
    const turns = new JoinTurns()
    await turns.enter(ADDRESS, 1, new AbortController().signal)
    await assert.rejects(turns.enter(ADDRESS, 1, AbortSignal.abort(new Error('ended'))), { message: 'ended' })
  })
})
