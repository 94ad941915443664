import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Clock } from '../../foundation/clock.ts'
import type { Schema } from './schema.ts'

/** Stores a random ID for the authority with this number. Returns false when it has one already. */
export async function nameAuthority(db: Kysely<Schema>, number: number, clock: Clock): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('authorities')
    .values({ number, id: randomUUID(), created_ms: clock.now().getTime() })
    .onConflict((conflict) => conflict.column('number').doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}
