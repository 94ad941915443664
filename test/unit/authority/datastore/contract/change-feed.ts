import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { insertInstance } from '../../../../../src/authority/datastore/instance-repository.ts'
import type { Change, Changes, Datastore } from '../../../../../src/authority/datastore/ports.ts'
import { ResourceRepository } from '../../../../../src/authority/datastore/resource-repository.ts'
import { KEPT_REVISIONS, takeRevisions } from '../../../../../src/authority/datastore/revisions.ts'
import { FakeClock } from '../../../../fakes/fake-clock.ts'
import { type Engine, fail, openWith, TaskError } from './engine.ts'

const named = (name: string, kind = 'role') => ({ kind, name, metadata: { labels: {} }, spec: { name } })
const shown = (changes: readonly Change[]) =>
  changes.map(({ name, revision, row }) => `${row ? '+' : '-'}${name} ${revision}`)
const read = ({ revision, isSnapshot, changes }: Changes) => ({
  revision,
  isSnapshot,
  changes: shown(changes),
})

async function open(engine: Engine) {
  const datastore = await openWith(engine)
  const resources = new ResourceRepository(datastore, new FakeClock())
  const put = (...names: string[]) =>
    datastore.transaction((tx) =>
      resources.putAll(
        tx,
        names.map((name) => ({ resource: named(name) })),
      ),
    )
  const remove = (name: string) => datastore.transaction((tx) => resources.remove(tx, 'role', name))
  return { datastore, resources, put, remove }
}

function follow(datastore: Datastore): string[][] {
  const told: string[][] = []
  datastore.changes.subscribe((changes) => told.push(shown(changes)))
  return told
}

export function changeFeedContract(engine: Engine): void {
  describe(`the changes on ${engine.name}`, () => {
    it('are announced in the order of their revisions, once they are durable', async () => {
      const { datastore, put, remove } = await open(engine)
      await using _datastore = datastore
      const told = follow(datastore)
      await put('a', 'b')
      told.push(['resolved'])
      await put('a')
      await remove('b')
      assert.deepEqual(told.flat(), ['+a 1', '+b 2', 'resolved', '+a 3', '-b 4'])
    })

    it('of a failed transaction are not announced, and its revisions leave no gap', async () => {
      const { datastore, resources, put } = await open(engine)
      await using _datastore = datastore
      const told = follow(datastore)
      const failing = datastore.transaction(async (tx) => {
        await resources.put(tx, named('lost'))
        fail()
      })
      await assert.rejects(failing, TaskError)
      await put('a')
      assert.equal(told.flat().length, 1)
      assert.deepEqual(shown((await datastore.changes.read()).changes), told.flat())
    })

    it('are announced even if another listener of the commit fails', async () => {
      const { datastore, resources } = await open(engine)
      await using _datastore = datastore
      const told = follow(datastore)
      await Promise.all([
        datastore.transaction(async (tx) => tx.afterCommit(fail)),
        datastore.transaction((tx) => resources.put(tx, named('a'))),
      ])
      assert.deepEqual(told.flat(), ['+a 1'])
    })

    it('are read from the beginning as a snapshot of everything that exists', async () => {
      const { datastore, put, remove } = await open(engine)
      await using _datastore = datastore
      await put('a', 'b', 'c')
      await remove('b')
      const expected = { revision: 4, isSnapshot: true, changes: ['+a 1', '+c 3'] }
      assert.deepEqual(read(await datastore.changes.read()), expected)
    })

    it('are read from a revision on: the last change of each thing, and what is gone', async () => {
      const { datastore, put, remove } = await open(engine)
      await using _datastore = datastore
      await put('a', 'b', 'c')
      const { revision } = await datastore.changes.read()
      await put('c')
      await put('d')
      await put('c')
      await remove('a')
      const next = await datastore.changes.read(revision)
      const changes = ['+d 5', '+c 6', '-a 7']
      assert.deepEqual(read(next), { revision: 7, isSnapshot: false, changes })
      const nothing = { revision: 7, isSnapshot: false, changes: [] }
      assert.deepEqual(read(await datastore.changes.read(next.revision)), nothing)
    })

    it('announce something that was created again after its deletion', async () => {
      const { datastore, put, remove } = await open(engine)
      await using _datastore = datastore
      await put('a')
      await remove('a')
      await put('a')
      assert.equal(shown((await datastore.changes.read(1)).changes).at(-1), '+a 3')
      assert.deepEqual(shown((await datastore.changes.read(2)).changes), ['+a 3'])
      await remove('a')
      assert.deepEqual(shown((await datastore.changes.read(3)).changes), ['-a 4'])
    })

    it('include bot instances', async () => {
      const { datastore, resources } = await open(engine)
      await using _datastore = datastore
      const told = follow(datastore)
      await datastore.transaction(async (tx) => resources.put(tx, named('builder', 'bot')))
      const instance = { id: 'I', bot: 'builder', joinToken: 't', joinMethod: 'secret', joinAttributes: {} }
      await datastore.transaction((tx) =>
        insertInstance(tx, { ...instance, agentVersion: '1', hostname: 'h' }, 5),
      )
      assert.deepEqual(told.flat(), ['+builder 1', '+I 2'])
      const { changes } = await datastore.changes.read(1)
      assert.deepEqual(
        changes.map(({ topic, name }) => [topic, name]),
        [['bot_instance', 'I']],
      )
    })

    it('are a snapshot again for a reader that was away for too long', async () => {
      const { datastore, put, remove } = await open(engine)
      await using _datastore = datastore
      await put('a', 'b')
      await remove('a')
      await datastore.transaction((tx) => takeRevisions(tx, KEPT_REVISIONS))
      await remove('b')
      const { isSnapshot, changes } = await datastore.changes.read(3)
      assert.deepEqual([isSnapshot, changes], [true, []])
      const tombstones = await datastore.rows('tombstones')
      assert.deepEqual(
        tombstones.map(({ name }) => name),
        ['b'],
        'tombstones that nobody can ask for are deleted',
      )
      const later = await datastore.changes.read(4)
      assert.deepEqual([later.isSnapshot, shown(later.changes)], [false, [`-b ${4 + KEPT_REVISIONS}`]])
    })

    it('are a snapshot for a reader ahead of the database', async () => {
      const { datastore, put } = await open(engine)
      await using _datastore = datastore
      await put('a')
      assert.equal((await datastore.changes.read(2)).isSnapshot, true)
    })
  })
}
