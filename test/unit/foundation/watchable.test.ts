import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Watchable } from '../../../src/foundation/watchable.ts'

describe('Watchable', () => {
  it('notifies every listener, also after one of them threw', () => {
    const watchable = new Watchable(0)
    const heard: number[] = []
    watchable.subscribe(() => {
      throw new TypeError('a bug')
    })
    watchable.subscribe((value) => heard.push(value))
    assert.throws(() => watchable.set(1), TypeError)
    assert.deepEqual(heard, [1])
    assert.equal(watchable.value, 1)
  })

  it('does not notify a disposed listener', () => {
    const watchable = new Watchable(0)
    const heard: number[] = []
    const subscription = watchable.subscribe((value) => heard.push(value))
    watchable.set(1)
    subscription[Symbol.dispose]()
    watchable.set(2)
    assert.deepEqual(heard, [1])
  })

  it('treats a listener subscribed twice as two', () => {
    const watchable = new Watchable(0)
    let heard = 0
    const listener = (): void => {
      heard += 1
    }
    const first = watchable.subscribe(listener)
    watchable.subscribe(listener)
    first[Symbol.dispose]()
    watchable.set(1)
    assert.equal(heard, 1)
  })

  it('yields the current value first, and then only the newest', async () => {
    const watchable = new Watchable('a')
    const stop = new AbortController()
    const values = watchable.watch(stop.signal)
    assert.equal((await values.next()).value, 'a')
    watchable.set('b')
    watchable.set('c')
    assert.equal((await values.next()).value, 'c')
    const waiting = values.next()
    watchable.set('d')
    assert.equal((await waiting).value, 'd')
  })

  it('ends a waiting watcher when its signal aborts', async () => {
    const watchable = new Watchable('a')
    const stop = new AbortController()
    const values = watchable.watch(stop.signal)
    await values.next()
    const waiting = values.next()
    stop.abort()
    assert.equal((await waiting).done, true)
  })

  it('yields nothing when the signal is already aborted', async () => {
    const values = new Watchable('a').watch(AbortSignal.abort())
    assert.equal((await values.next()).done, true)
  })
})
