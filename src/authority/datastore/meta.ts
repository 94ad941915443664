import { sql } from 'kysely'
import type { Datastore, Transaction } from './ports.ts'

export type MetaKey =
  | 'trust_domain'
  | 'kek_check'
  | 'bundle_sequence'
  | 'bundle_digest'
  | 'clock'
  | 'audit_checkpoint'
  | Counter

type Counter = 'resource_revision' | 'write_probe'

export async function readMeta(datastore: Datastore, key: MetaKey): Promise<string | undefined> {
  const [row] = await datastore.rows('meta', { key })
  return row?.value
}

export async function writeMeta(tx: Transaction, key: MetaKey, value: string): Promise<void> {
  await tx.db
    .insertInto('meta')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute()
}

/** Counts up from 1; a number is never given twice, also not after what had it is gone. */
export async function nextOf(tx: Transaction, counter: Counter): Promise<number> {
  const value = sql<string>`CAST(CAST(meta.value AS bigint) + 1 AS text)`
  const row = await tx.db
    .insertInto('meta')
    .values({ key: counter, value: '1' })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .returning('value')
    .executeTakeFirstOrThrow()
  return Number(row.value)
}
