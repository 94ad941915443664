import { sql } from 'kysely'
import type { Topic, Transaction } from './ports.ts'

/** The key in `meta` of the counter that all revisions come from. */
export const REVISION = 'resource_revision'

/** A reader that is further behind than this gets a snapshot. Older tombstones are deleted. */
export const KEPT_REVISIONS = 10_000

/**
 * Takes the next `count` revisions and returns the first. A revision is never used twice. Call this
 * before reading what the transaction changes. Concurrent writers wait for each other here, so that
 * revisions become visible in the order of the commits.
 */
export async function takeRevisions(tx: Transaction, count = 1): Promise<number> {
  const value = sql<string>`CAST(CAST(meta.value AS bigint) + ${sql.lit(count)} AS text)`
  const row = await tx.db
    .insertInto('meta')
    .values({ key: REVISION, value: String(count) })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .returning('value')
    .executeTakeFirstOrThrow()
  return Number(row.value) - count + 1
}

/**
 * Leaves a tombstone for a deleted thing, and deletes tombstones that are too old. Those of bots stay:
 * an agent may have been away for long when it hears that its bot is gone.
 */
export async function leaveTombstone(
  tx: Transaction,
  gone: { readonly topic: Topic; readonly kind?: string; readonly name: string; readonly revision: number },
): Promise<void> {
  const { topic, kind = '', name, revision } = gone
  await tx.db
    .insertInto('tombstones')
    .values({ topic, kind, name, revision })
    .onConflict((conflict) => conflict.columns(['topic', 'kind', 'name']).doUpdateSet({ revision }))
    .execute()
  await tx.db
    .deleteFrom('tombstones')
    .where('revision', '<=', revision - KEPT_REVISIONS)
    .where((is) => is.or([is('topic', '!=', 'resource'), is('kind', '!=', 'bot')]))
    .execute()
}
