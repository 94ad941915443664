import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type LockSubject, Locks } from '../../../../src/authority/bots/locks.ts'
import { ResourceRepository } from '../../../../src/authority/datastore/resource-repository.ts'
import { SqliteDatastore } from '../../../../src/authority/datastore/sqlite/sqlite-datastore.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { datastoreDeps } from '../../../support/datastore-deps.ts'

async function open() {
  const clock = new FakeClock()
  const datastore = await SqliteDatastore.open(':memory:', datastoreDeps({ clock }))
  const resources = new ResourceRepository(datastore, clock)
  const put = (name: string, target: Record<string, string>, lastsMs?: number) => {
    const metadata = {
      labels: {},
      ...(lastsMs === undefined ? {} : { expiresMs: clock.now().getTime() + lastsMs }),
    }
    const lock = { kind: 'lock', name, metadata, spec: { target, reason: 'lost' } }
    return datastore.transaction(async (tx) => resources.put(tx, lock))
  }
  const remove = (name: string) => datastore.transaction(async (tx) => resources.remove(tx, 'lock', name))
  return { clock, datastore, resources, put, remove, locks: await Locks.open(resources, clock) }
}

describe('Locks', () => {
  const targets: readonly (readonly [string, LockSubject])[] = [
    ['bot', { bot: 'x' }],
    ['bot_instance', { botInstance: 'x' }],
    ['join_token', { joinToken: 'x' }],
    ['workload_identity', { workloadIdentity: 'x' }],
    ['spiffe_id', { spiffeId: 'x' }],
  ]
  for (const [target, subject] of targets) {
    it(`stops what a lock on a ${target} names, and nothing else`, async () => {
      const { datastore, locks, put } = await open()
      await using _datastore = datastore
      await put('l', { [target]: 'x' })
      assert.equal(locks.check(subject)?.name, 'l')
      for (const [other, unlike] of targets)
        if (other !== target) assert.equal(locks.check(unlike), undefined)
    })
  }

  it('acts as soon as it is durable, and until it is deleted', async () => {
    const { datastore, locks, put, remove } = await open()
    await using _datastore = datastore
    await put('l', { bot: 'builder' })
    assert.ok(locks.check({ bot: 'builder', botInstance: 'i' }))
    await remove('l')
    assert.equal(locks.check({ bot: 'builder', botInstance: 'i' }), undefined)
  })

  it('is in force again when the clock was ahead for a while, also when another lock was created meanwhile', async () => {
    const { clock, datastore, locks, put } = await open()
    await using _datastore = datastore
    await put('l', { bot: 'builder' }, 2 * 86_400_000)
    clock.jump(3 * 86_400_000)
    await put('other', { bot: 'x' })
    assert.equal(locks.check({ bot: 'builder' }), undefined)
    assert.deepEqual(
      locks.watch.value.map(({ name }) => name),
      ['other'],
    )
    clock.jump(-3 * 86_400_000)
    assert.equal(locks.check({ bot: 'builder' })?.name, 'l')
    clock.advance(60_000)
    assert.deepEqual(locks.watch.value.map(({ name }) => name).sort(), ['l', 'other'])
  })

  it('expires, and notifies watchers', async () => {
    const { clock, datastore, locks, put } = await open()
    await using _datastore = datastore
    const seen: number[] = []
    using _subscription = locks.watch.subscribe((active) => seen.push(active.length))
    await put('short', { bot: 'builder' }, 1000)
    await put('long', { bot: 'builder' }, 5000)
    clock.advance(1000)
    assert.equal(locks.check({ bot: 'builder' })?.name, 'long')
    clock.advance(4000)
    assert.equal(locks.check({ bot: 'builder' }), undefined)
    assert.deepEqual(seen, [1, 2, 1, 0])
  })

  it('lets the lock that lasts longer decide when two target one thing', async () => {
    const { datastore, locks, put } = await open()
    await using _datastore = datastore
    await put('for ever', { bot: 'builder' })
    await put('short', { bot: 'builder' }, 1000)
    assert.equal(locks.check({ bot: 'builder' })?.name, 'for ever')
  })

  it('finds after a restart what was locked before', async () => {
    const { clock, datastore, resources, put } = await open()
    await using _datastore = datastore
    await put('l', { spiffe_id: 'spiffe://example.org/a' })
    const again = await Locks.open(resources, clock)
    assert.equal(again.check({ spiffeId: 'spiffe://example.org/a' })?.reason, 'lost')
  })
})
