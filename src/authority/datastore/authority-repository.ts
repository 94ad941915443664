import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Clock } from '../../foundation/clock.ts'
import type { Schema } from './schema.ts'

/** Gives the authority with this number its id, once. False when it has one. */
export async function nameAuthority(db: Kysely<Schema>, number: number, clock: Clock): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('authorities')
    .values({ number, id: randomUUID(), created_ms: clock.now().getTime() })
    .onConflict((conflict) => conflict.column('number').doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}
