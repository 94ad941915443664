import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { expectedState } from '../../../../src/authority/datastore/seals/expected-state.ts'

describe('expectedState', () => {
  for (const detail of ['null', '"text"', '[]', '{']) {
    it(`ignores an audit row that somebody changed to ${detail}`, () => {
      using database = new DatabaseSync(':memory:')
      database.exec('CREATE TABLE audit_events (sequence INTEGER, event TEXT, detail TEXT)')
      const insert = database.prepare('INSERT INTO audit_events VALUES (?, ?, ?)')
      insert.run(1, 'resource.deleted', detail)
      insert.run(2, 'ca.prepared', '{"id":"key-1"}')
      assert.deepEqual([...expectedState(database).keys], ['key-1'])
    })
  }
})
