import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { readMeta, writeMeta } from '../../../../../src/authority/datastore/meta.ts'
import { takeRevisions } from '../../../../../src/authority/datastore/revisions.ts'
import { type Engine, fail, openWith, TaskError } from './engine.ts'

export function transactionsContract(engine: Engine): void {
  describe(`a transaction on ${engine.name}`, () => {
    it('returns the result of its task, and what that wrote can be read', async () => {
      await using datastore = await openWith(engine)
      const result = await datastore.transaction(async (tx) => {
        await writeMeta(tx, 'trust_domain', 'example.org')
        return 42
      })
      assert.equal(result, 42)
      assert.equal(await readMeta(datastore, 'trust_domain'), 'example.org')
    })

    it('sees its own earlier changes', async () => {
      await using datastore = await openWith(engine)
      const rows = await datastore.transaction(async (tx) => {
        await writeMeta(tx, 'trust_domain', 'example.org')
        return tx.rows('meta', { key: 'trust_domain' })
      })
      assert.deepEqual(rows, [{ key: 'trust_domain', value: 'example.org' }])
    })

    it('shows nothing of itself to others before it ends', async () => {
      await using datastore = await openWith(engine)
      const seen = await Promise.all([
        datastore.transaction(async (tx) => {
          await writeMeta(tx, 'trust_domain', 'first')
          await writeMeta(tx, 'trust_domain', 'second')
        }),
        readMeta(datastore, 'trust_domain'),
      ])
      assert.deepEqual(seen, [undefined, 'second'])
    })

    it('counts without losing a number, however many run at the same time', async () => {
      await using datastore = await openWith(engine)
      const numbers = await Promise.all(
        Array.from({ length: 300 }, () => datastore.transaction((tx) => takeRevisions(tx))),
      )
      assert.deepEqual(
        numbers.toSorted((a, b) => a - b),
        Array.from({ length: 300 }, (_, index) => index + 1),
      )
    })

    it('that throws is rolled back, and only that one', async () => {
      await using datastore = await openWith(engine)
      const outcomes = await Promise.allSettled([
        datastore.transaction((tx) => writeMeta(tx, 'trust_domain', 'first')),
        datastore.transaction(async (tx) => {
          await writeMeta(tx, 'trust_domain', 'second')
          fail()
        }),
        datastore.transaction((tx) => writeMeta(tx, 'kek_check', 'third')),
      ])
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      assert.equal(await readMeta(datastore, 'trust_domain'), 'first')
      assert.equal(await readMeta(datastore, 'kek_check'), 'third')
    })

    it('with a statement that failed fails, even if its task goes on', async () => {
      await using datastore = await openWith(engine)
      const token = { token: 'none', key: 'x' }
      const failing = datastore.transaction(async (tx) => {
        await writeMeta(tx, 'trust_domain', 'lost')
        const orphan = { token_name: token.token, key_sha256: token.key, instance_id: 'i', created_ms: 0 }
        const failed = await tx.db
          .insertInto('join_token_uses')
          .values(orphan)
          .execute()
          .catch((error: unknown) => error)
        assert.ok(failed instanceof Error, 'there is no such join token')
      })
      await assert.rejects(failing, /constraint|foreign key/i)
      assert.equal(await readMeta(datastore, 'trust_domain'), undefined)
    })

    it('cannot be used after it ended', async () => {
      await using datastore = await openWith(engine)
      const tx = await datastore.transaction(async (given) => given)
      await assert.rejects(writeMeta(tx, 'trust_domain', 'late'), TypeError)
      await assert.rejects(tx.rows('meta'), TypeError)
      assert.equal(await readMeta(datastore, 'trust_domain'), undefined)
    })

    it('that awaits something other than itself fails, and delays nobody', async () => {
      await using datastore = await openWith(engine)
      const stalled = datastore.transaction(async (tx) => {
        await writeMeta(tx, 'trust_domain', 'lost')
        await new Promise(() => undefined)
      })
      const inside = datastore.transaction(() => datastore.transaction(async () => 1))
      const next = datastore.transaction((tx) => takeRevisions(tx))
      await assert.rejects(stalled, TypeError)
      await assert.rejects(inside, TypeError)
      assert.equal(await next, 1)
      assert.equal(await readMeta(datastore, 'trust_domain'), undefined)
    })

    it('that stalled cannot change anything when it goes on', async () => {
      await using datastore = await openWith(engine)
      let late: Promise<unknown> | undefined
      const stalled = datastore.transaction(async (tx) => {
        await setImmediate()
        await setImmediate()
        late = writeMeta(tx, 'trust_domain', 'late')
        await late
      })
      await assert.rejects(stalled, TypeError)
      while (!late) await setImmediate()
      await assert.rejects(late, TypeError)
      assert.equal(await readMeta(datastore, 'trust_domain'), undefined)
    })

    it('calls back once it is durable, before its promise resolves, and never when it failed', async () => {
      await using datastore = await openWith(engine)
      const seen: string[] = []
      await datastore.transaction(async (tx) => tx.afterCommit(() => seen.push('committed')))
      seen.push('resolved')
      const failing = datastore.transaction(async (tx) => {
        tx.afterCommit(() => seen.push('never'))
        fail()
      })
      await assert.rejects(failing, TaskError)
      assert.deepEqual(seen, ['committed', 'resolved'])
    })

    it('stands when a listener fails', async () => {
      await using datastore = await openWith(engine)
      await datastore.transaction(async (tx) => {
        await writeMeta(tx, 'trust_domain', 'kept')
        tx.afterCommit(fail)
      })
      assert.equal(await readMeta(datastore, 'trust_domain'), 'kept')
    })

    it('that waits when the datastore is closed is carried out, and a later one is refused', async () => {
      const datastore = await openWith(engine)
      const waiting = datastore.transaction((tx) => takeRevisions(tx))
      await datastore[Symbol.asyncDispose]()
      assert.equal(await waiting, 1)
      await assert.rejects(
        datastore.transaction(async () => 1),
        { code: 'ERR_DATASTORE_UNAVAILABLE' },
      )
    })
  })
}
