import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Lifecycle } from '../../../src/foundation/lifecycle.ts'

describe('Lifecycle', () => {
  it('aborts its signal first, then undoes everything in reverse order', async () => {
    const lifecycle = new Lifecycle()
    const done: string[] = []
    lifecycle.signal.addEventListener('abort', () => done.push('signal'))
    lifecycle.defer(() => void done.push('first'))
    lifecycle.use({ [Symbol.asyncDispose]: async () => void done.push('second') })
    await lifecycle[Symbol.asyncDispose]()
    assert.deepEqual(done, ['signal', 'second', 'first'])
  })

  it('runs every cleanup, also after one threw, and then throws', async () => {
    const lifecycle = new Lifecycle()
    const done: string[] = []
    lifecycle.defer(() => void done.push('first'))
    lifecycle.defer(() => {
      throw new TypeError('a bug')
    })
    await assert.rejects(lifecycle[Symbol.asyncDispose](), TypeError)
    assert.deepEqual(done, ['first'])
  })

  it('does nothing the second time', async () => {
    const lifecycle = new Lifecycle()
    let runs = 0
    lifecycle.defer(() => {
      runs += 1
    })
    await lifecycle[Symbol.asyncDispose]()
    await lifecycle[Symbol.asyncDispose]()
    assert.equal(runs, 1)
  })
})
