import assert from 'node:assert/strict'
import type net from 'node:net'
import { describe, it } from 'node:test'
import { type Served, UserConnections } from '../../../src/peer/user-connections.ts'

/** A socket, as far as it is paused, resumed and destroyed. */
function fakeSocket() {
  const did: string[] = []
  const socket = {
    destroyed: false,
    destroy: () => void did.push('destroyed'),
    _handle: { readStop: () => did.push('held'), readStart: () => did.push('read') },
  }
  return { socket: socket as unknown as net.Socket, did }
}

function setUp(max: number, maxPerUid = max) {
  const connections = new UserConnections(max, maxPerUid)
  const evicted: number[] = []
  const add = (uid: number, served?: Served) => {
    const fake = fakeSocket()
    const refused = connections.add(uid, fake.socket, (of) => void evicted.push(of))
    if (served !== undefined) connections.serving(uid, fake.socket, served)
    return { ...fake, refused }
  }
  return { connections, add, evicted }
}

describe('UserConnections', () => {
  it('stops one user at its own limit and lets the others in', () => {
    const { add } = setUp(10, 2)
    assert.deepEqual(
      [1, 1, 1, 2].map((uid) => add(uid).refused),
      [undefined, undefined, 'too_many_connections_of_uid', undefined],
    )
  })

  it('makes the user with most give way to one with fewer', () => {
    const { add, evicted, connections } = setUp(4)
    const [first] = [add(1), add(1), add(1), add(2)]
    assert.equal(add(3).refused, undefined)
    assert.deepEqual(evicted, [1])
    assert.deepEqual(first?.did, ['destroyed'])
    assert.equal(connections.total, 4)
  })

  it('takes nothing from anybody for a user who would have as much', () => {
    const { add, evicted } = setUp(4)
    for (const uid of [1, 1, 2, 2]) add(uid)
    assert.equal(add(1).refused, 'too_many_connections')
    assert.equal(add(2).refused, 'too_many_connections')
    assert.equal(add(3).refused, undefined)
    assert.deepEqual(evicted, [1])
  })

  it('ends an idle connection before a busy one, and gently', () => {
    const { add } = setUp(3)
    const ended: string[] = []
    const served = (name: string, isIdle: boolean): Served => ({
      isIdle: () => isIdle,
      end: () => ended.push(name),
    })
    add(1, served('busy', false))
    add(1, served('idle', true))
    add(1, served('idle too', true))
    add(2)
    assert.deepEqual(ended, ['idle'])
  })

  it('frees the place of a closed connection', () => {
    const { add, connections } = setUp(1)
    const { socket } = add(1)
    connections.remove(1, socket)
    connections.remove(1, socket)
    assert.equal(connections.total, 0)
    assert.equal(add(2).refused, undefined)
  })

  it('holds all connections of a user and releases a few at a time', () => {
    const { add, connections } = setUp(100)
    const own = Array.from({ length: 40 }, () => add(1))
    const other = add(2)
    connections.hold(1)
    connections.hold(1)
    assert.ok(own.every(({ did }) => did.join() === 'held'))
    assert.deepEqual(other.did, [])
    assert.equal(connections.resume(1), false)
    assert.equal(own.filter(({ did }) => did.includes('read')).length, 32)
    assert.equal(connections.resume(1), true)
    assert.ok(own.every(({ did }) => did.join() === 'held,read'))
  })
})
