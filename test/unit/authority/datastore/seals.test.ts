import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { insertJoinToken, takeTokenUse } from '../../../../src/authority/datastore/join-token-repository.ts'
import { writeMeta } from '../../../../src/authority/datastore/meta.ts'
import { ResourceRepository } from '../../../../src/authority/datastore/resource-repository.ts'
import { takeRevisions } from '../../../../src/authority/datastore/revisions.ts'
import { type Cell, SealKeys } from '../../../../src/authority/datastore/seals/seal-keys.ts'
import { SqliteDatastore } from '../../../../src/authority/datastore/sqlite/sqlite-datastore.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { datastoreDeps, execute } from '../../../support/datastore-deps.ts'

const kek = createSecretKey(Buffer.alloc(32, 1))
const keys = new SealKeys(kek, Buffer.alloc(16, 2))
const sealOf = (cells: readonly Cell[], table = 'meta', by = keys) =>
  by.tag(table, cells).seal.toString('hex')

describe('the seal of a row', () => {
  const other: Readonly<Record<string, string>> = {
    'in another table': sealOf(['a', 1n], 'resources'),
    'with another value': sealOf(['a', 2n]),
    'with another type': sealOf(['a', '1']),
    'with a real number': sealOf(['a', 1]),
    'with bytes': sealOf(['a', Buffer.from('1')]),
    'with null': sealOf(['a', null]),
    'with more columns': sealOf(['a', 1n, null]),
    'in another order': sealOf([1n, 'a']),
    'of another database': sealOf(['a', 1n], 'meta', new SealKeys(kek, Buffer.alloc(16, 3))),
    'under another key': sealOf(
      ['a', 1n],
      'meta',
      new SealKeys(createSecretKey(Buffer.alloc(32, 9)), Buffer.alloc(16, 2)),
    ),
  }
  for (const [what, seal] of Object.entries(other)) {
    it(`differs ${what}`, () => assert.notEqual(seal, sealOf(['a', 1n])))
  }
  it('differs for integers that are equal as doubles', () => {
    assert.notEqual(sealOf([2n ** 60n]), sealOf([2n ** 60n + 1n]))
  })
})

describe('seals under another key', () => {
  it('do not cover up a deletion that bypassed SQLite', async () => {
    await using datastore = await SqliteDatastore.open(':memory:', datastoreDeps())
    const reseal = () => datastore.transaction(async (tx) => tx.reseal(kek))
    await datastore.transaction((tx) => writeMeta(tx, 'clock', '1'))
    await reseal()
    await datastore.transaction(async (tx) => {
      await execute(tx, 'DROP TRIGGER temp.signet_DELETE_meta') // as if written without SQLite
      await execute(tx, `DELETE FROM main.meta WHERE key = 'clock'`)
    })
    await assert.rejects(reseal(), { code: 'ERR_DATASTORE_ROWS_ALTERED' })
    assert.notDeepEqual(await datastore.examine(), [])
  })
})

type Step = readonly ['put' | 'remove' | 'count' | 'fail' | 'cascade', number]

describe('whatever tasks do, succeed or fail,', () => {
  it('the database matches its seals', async () => {
    const step = fc.tuple(
      fc.constantFrom('put', 'remove', 'count', 'fail', 'cascade'),
      fc.nat(4),
    ) as fc.Arbitrary<Step>
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 6 }), async (batches) => {
        await using datastore = await SqliteDatastore.open(':memory:', datastoreDeps())
        const resources = new ResourceRepository(datastore, new FakeClock())
        for (const batch of batches) {
          await Promise.allSettled(batch.map((each) => carryOut(datastore, resources, each)))
        }
        assert.deepEqual(await datastore.examine(), [])
      }),
      { numRuns: 60 },
    )
  })
})

function carryOut(
  datastore: SqliteDatastore,
  resources: ResourceRepository,
  [what, n]: Step,
): Promise<unknown> {
  return datastore.transaction(async (tx) => {
    const name = `token-${n}`
    const metadata = { labels: {} }
    if (what === 'count') await takeRevisions(tx)
    if (what === 'remove') await resources.remove(tx, 'join_token', name)
    if (what === 'put' || what === 'cascade' || what === 'fail') {
      await resources.put(tx, { kind: 'join_token', name, metadata, spec: { n } })
      await insertJoinToken(tx, { name, methodState: 'ab' }, 0)
      await takeTokenUse(tx, { token: name, keySha256: `key ${n}`, instanceId: 'i' }, 1, 0)
    }
    if (what === 'cascade') await resources.remove(tx, 'join_token', name)
    if (what === 'fail') {
      await writeMeta(tx, 'trust_domain', name)
      throw new TypeError('on purpose')
    }
  })
}
