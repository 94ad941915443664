import type { Datastore, Transaction } from './ports.ts'

type MetaKey =
  | 'trust_domain'
  | 'kek_check'
  | 'bundle_sequence'
  | 'bundle_digest'
  | 'clock'
  | 'audit_checkpoint'
  | 'log_gaps'
  | 'resource_revision'
  | 'write_probe'

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
