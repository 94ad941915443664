import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Mutex } from '../../../src/foundation/mutex.ts'

describe('Mutex', () => {
  it('runs one task at a time, in order', async () => {
    const mutex = new Mutex()
    const seen: string[] = []
    const first = Promise.withResolvers<void>()
    const done = Promise.all([
      mutex.run(async () => {
        seen.push('first begins')
        await first.promise
        seen.push('first ends')
      }),
      mutex.run(() => void seen.push('second')),
    ])
    await new Promise(setImmediate)
    assert.deepEqual(seen, ['first begins'])
    first.resolve()
    await done
    assert.deepEqual(seen, ['first begins', 'first ends', 'second'])
  })

  it('goes on after a task that failed, whose caller gets the error', async () => {
    const mutex = new Mutex()
    const failed = mutex.run(() => Promise.reject(new TypeError('a bug')))
    const next = mutex.run(() => 'next')
    await assert.rejects(failed, TypeError)
    assert.equal(await next, 'next')
  })

  it('is idle once all tasks have ended', async () => {
    const mutex = new Mutex()
    let ended = false
    void mutex.run(async () => {
      await new Promise(setImmediate)
      ended = true
    })
    await mutex.idle()
    assert.equal(ended, true)
  })
})
