import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConnectionCaps } from '../../../src/peer/connection-caps.ts'

describe('ConnectionCaps', () => {
  it('stops one user at its own limit and lets the others in', () => {
    const caps = new ConnectionCaps(10, 2)
    assert.ok(caps.take(1000) && caps.take(1000))
    assert.equal(caps.take(1000), false)
    assert.ok(caps.take(1001))
    assert.equal(caps.total, 3)
  })

  it('stops everyone at the limit for all', () => {
    const caps = new ConnectionCaps(2, 2)
    assert.ok(caps.take(1) && caps.take(2))
    assert.equal(caps.full, true)
    assert.equal(caps.take(3), false)
  })

  it('gives back what is released', () => {
    const caps = new ConnectionCaps(10, 1)
    assert.ok(caps.take(1000))
    caps.release(1000)
    assert.equal(caps.total, 0)
    assert.ok(caps.take(1000))
  })
})
