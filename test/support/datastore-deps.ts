import { type Kysely, sql } from 'kysely'
import type { Transaction } from '../../src/authority/datastore/ports.ts'
import type { Schema } from '../../src/authority/datastore/schema.ts'
import type { SqliteDatastoreDeps } from '../../src/authority/datastore/sqlite/sqlite-datastore.ts'
import { loadSealingKey } from '../../src/crypto/sealed.ts'
import { silentLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

/** Default dependencies of a datastore, for tests that are about something else. */
export function datastoreDeps(more: Partial<SqliteDatastoreDeps> = {}): SqliteDatastoreDeps {
  return {
    clock: new FakeClock(),
    metrics: createMetrics(),
    logger: silentLogger,
    kek: loadSealingKey(Buffer.alloc(32, 7)),
    keySource: '/etc/signet/kek',
    past: 'none',
    ...more,
  }
}

/** Runs any SQL statement in a transaction. */
export async function execute(tx: Transaction, statement: string): Promise<void> {
  await sql.raw(statement).execute(tx.db as Kysely<Schema>)
}
