import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type ResourceChange,
  ResourceRepository,
} from '../../../../src/authority/datastore/resource-repository.ts'
import { SqliteDatastore } from '../../../../src/authority/datastore/sqlite/sqlite-datastore.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { datastoreDeps } from '../../../support/datastore-deps.ts'

async function open() {
  const clock = new FakeClock('2026-05-01T00:00:00Z')
  const datastore = await SqliteDatastore.open(':memory:', datastoreDeps({ clock }))
  return { datastore, resources: new ResourceRepository(datastore, clock) }
}

const bot = (name: string) => ({ kind: 'bot', name, metadata: { labels: {} }, spec: { roles: ['ci'] } })

describe('ResourceRepository', () => {
  it('returns what was put, with revision and time', async () => {
    const { datastore, resources } = await open()
    await using _datastore = datastore
    const resource = { ...bot('a'), metadata: { labels: { env: 'prod' }, expiresMs: 5 } }
    await datastore.transaction(async (tx) => resources.put(tx, resource))
    const expected = { ...resource, revision: '1', updatedMs: Date.parse('2026-05-01T00:00:00Z') }
    assert.deepEqual(await resources.get('bot', 'a'), expected)
    assert.deepEqual(await resources.list('bot'), [expected])
    assert.equal(await resources.get('role', 'a'), undefined)
  })

  it('never uses a revision twice, whatever is removed in between', async () => {
    const { datastore, resources } = await open()
    await using _datastore = datastore
    const put = (name: string) =>
      datastore.transaction(async (tx) => Number((await resources.put(tx, bot(name))).revision))
    const first = await put('a')
    const second = await put('a')
    await datastore.transaction(async (tx) => resources.remove(tx, 'bot', 'a'))
    const third = await put('a')
    assert.ok(first < second && second < third)
  })

  it('announces the changes of a commit together, once they are durable, and none that failed', async () => {
    const { datastore, resources } = await open()
    await using _datastore = datastore
    const news: string[] = []
    using _subscription = resources.subscribe((changes: readonly ResourceChange[]) =>
      news.push(changes.map(({ name, after }) => `${after ? '+' : '-'}${name}`).join(' ')),
    )
    await datastore.transaction(async (tx) => {
      await resources.put(tx, bot('a'))
      await resources.put(tx, bot('b'))
      await resources.remove(tx, 'bot', 'a')
    })
    news.push('resolved')
    const failing = datastore.transaction(async (tx) => {
      await resources.put(tx, bot('c'))
      throw new TypeError('on purpose')
    })
    await assert.rejects(failing, TypeError)
    assert.deepEqual(news, ['+a +b -a', 'resolved'])
  })

  it('says whether there was something to remove', async () => {
    const { datastore, resources } = await open()
    await using _datastore = datastore
    assert.equal(await datastore.transaction(async (tx) => resources.remove(tx, 'bot', 'nobody')), false)
  })

  it('sees inside a transaction its earlier changes', async () => {
    const { datastore, resources } = await open()
    await using _datastore = datastore
    const found = await datastore.transaction(async (tx) => {
      await resources.put(tx, bot('a'))
      return resources.find(tx, 'bot', 'a')
    })
    assert.equal(found?.name, 'a')
  })
})
