import type { Datastore, Transaction } from './ports.ts'
import type { JoinTokensTable, JoinTokenUsesTable } from './schema/join-tables.ts'

export async function findJoinToken(tx: Transaction, name: string): Promise<JoinTokensTable | undefined> {
  return (await tx.rows('join_tokens', { name }))[0]
}

/** How many agents have joined with each token: for operators, not for a decision. */
export async function joinTokenUses(datastore: Datastore): Promise<ReadonlyMap<string, number>> {
  const rows = await datastore.db.selectFrom('join_tokens').select(['name', 'uses']).execute()
  return new Map(rows.map(({ name, uses }) => [name, uses]))
}

/** Inserts a join token. Returns false, and changes nothing, when it exists already. */
export async function insertJoinToken(
  tx: Transaction,
  token: { readonly name: string; readonly methodState: string },
  nowMs: number,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx.db
    .insertInto('join_tokens')
    .values({ name: token.name, method_state: token.methodState, created_ms: nowMs })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

/** The use of a join token that this key took. */
export async function findTokenUse(
  tx: Transaction,
  token: string,
  keySha256: string,
): Promise<JoinTokenUsesTable | undefined> {
  return (await tx.rows('join_token_uses', { token_name: token, key_sha256: keySha256 }))[0]
}

/**
 * Takes one of `maxUses` uses for a key; false when all are taken. One statement checks and counts,
 * so concurrent joins never take more.
 */
export async function takeTokenUse(
  tx: Transaction,
  use: { readonly token: string; readonly keySha256: string; readonly instanceId: string },
  maxUses: number,
  nowMs: number,
): Promise<boolean> {
  const { numUpdatedRows } = await tx.db
    .updateTable('join_tokens')
    .set((column) => ({ uses: column('uses', '+', 1) }))
    .where('name', '=', use.token)
    .where('uses', '<', maxUses)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return false
  await tx.db
    .insertInto('join_token_uses')
    .values({
      token_name: use.token,
      key_sha256: use.keySha256,
      instance_id: use.instanceId,
      created_ms: nowMs,
    })
    .execute()
  return true
}

/**
 * Redeems the instance's use of its join token, because its bot certificate was used. From then on
 * the same key cannot join with the token again.
 */
export async function redeemTokenUse(tx: Transaction, instanceId: string, nowMs: number): Promise<void> {
  await tx.db
    .updateTable('join_token_uses')
    .set({ redeemed_ms: nowMs })
    .where('instance_id', '=', instanceId)
    .where('redeemed_ms', 'is', null)
    .execute()
}
