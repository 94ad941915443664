import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { SEALED_TABLES } from '../../../../src/authority/datastore/seals/sealed-tables.ts'
import { SqliteDatastore } from '../../../../src/authority/datastore/sqlite/sqlite-datastore.ts'
import { datastoreDeps } from '../../../support/datastore-deps.ts'

/** Tables without seals, and what protects them instead. */
const OTHERS: Readonly<Record<string, string>> = {
  audit_events: 'a hash chain, whose end is in the state record',
  sealed_state: 'its own MAC',
}

describe('the tables of the database', () => {
  it('are sealed, or something else protects their rows: add a new one here', async () => {
    await using datastore = await SqliteDatastore.open(':memory:', datastoreDeps())
    const tables = await datastore.db.introspection.getTables()
    const names = tables.map(({ name }) => name).sort()
    assert.deepEqual(names, [...SEALED_TABLES, ...Object.keys(OTHERS)].sort())
  })

  it('are read only where seals are checked', () => {
    const source = path.resolve(import.meta.dirname, '../../../../src/authority')
    const reads = new RegExp(
      `(['"\`]SELECT[^'\`]*FROM|selectFrom\\(['"])\\s*(${SEALED_TABLES.join('|')})\\b`,
      'i',
    )
    for (const file of globSync('**/*.ts', { cwd: source })) {
      if (file.startsWith('datastore/')) continue
      assert.doesNotMatch(readFileSync(path.join(source, file), 'utf8'), reads, `${file}: use rows()`)
    }
  })
})
