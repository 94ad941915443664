import type { Datastore } from './datastore.ts'
import type { MetaTable } from './schema/meta-table.ts'
import type { Writer } from './writer.ts'

export type MetaKey =
  | 'trust_domain'
  | 'kek_check'
  | 'bundle_sequence'
  | 'bundle_digest'
  | 'clock'
  | 'resource_revision'
  | 'audit_checkpoint'

export async function readMeta(datastore: Datastore, key: MetaKey): Promise<string | undefined> {
  const rows = await datastore.rows<MetaTable>('meta', 'WHERE key = ?', key)
  return rows[0]?.value
}

export function writeMeta(writer: Writer, key: MetaKey, value: string): void {
  writer.run(
    'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    key,
    value,
  )
}

/** Counts up from 1; a number is never given twice, also not after what had it is gone. */
export function nextOf(writer: Writer, counter: 'resource_revision'): number {
  const row = writer.get<{ value: string }>(
    `INSERT INTO meta (key, value) VALUES (?, '1')
     ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1 RETURNING value`,
    counter,
  )
  return Number(row?.value)
}
