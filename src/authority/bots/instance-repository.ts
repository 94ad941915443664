import type { Datastore } from '../datastore/datastore.ts'
import type { BotGenerationsTable, BotInstancesTable } from '../datastore/schema/bot-tables.ts'
import type { Writer } from '../datastore/writer.ts'
import { type Certified, type InstanceState, toInstanceState } from './bot-instance.ts'

/** Superseded certificates of one instance that are remembered; older ones are told by their generation alone. */
const SUPERSEDED_KEPT = 32

export interface NewInstance {
  readonly id: string
  readonly bot: string
  readonly joinToken: string
  readonly joinMethod: string
  readonly agentVersion: string
  readonly hostname: string
}

export async function loadInstances(datastore: Datastore): Promise<InstanceState[]> {
  const rows = await datastore.rows<BotInstancesTable>('bot_instances')
  const generations = new Map<string, BotGenerationsTable[]>()
  for (const row of await datastore.rows<BotGenerationsTable>('bot_generations')) {
    const known = generations.get(row.instance_id)
    if (known) known.push(row)
    else generations.set(row.instance_id, [row])
  }
  return rows
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((row) => toInstanceState(row, generations.get(row.id) ?? []))
}

export function findInstance(writer: Writer, id: string): InstanceState | undefined {
  const [row] = writer.rows<BotInstancesTable>('bot_instances', 'WHERE id = ?', id)
  if (!row) return undefined
  return toInstanceState(
    row,
    writer.rows<BotGenerationsTable>('bot_generations', 'WHERE instance_id = ?', id),
  )
}

export function insertInstance(writer: Writer, instance: NewInstance, nowMs: number): void {
  writer.run(
    `INSERT INTO bot_instances (id, bot_name, join_token, join_method, joined_ms, renewed_ms, not_after_ms, agent_version,
       hostname) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)`,
    instance.id,
    instance.bot,
    instance.joinToken,
    instance.joinMethod,
    nowMs,
    nowMs,
    instance.agentVersion,
    instance.hostname,
  )
}

/** Certifies a key for a generation that nobody has used yet. Whatever else was pending is superseded by it. */
export function setPending(
  writer: Writer,
  instanceId: string,
  certified: Certified & { readonly notAfterMs: number; readonly agentVersion: string },
  nowMs: number,
): void {
  const { generation, keySha256, notAfterMs, agentVersion } = certified
  writer.run(
    `UPDATE bot_generations SET state = 'superseded' WHERE instance_id = ? AND state = 'pending'`,
    instanceId,
  )
  writer.run(
    `INSERT INTO bot_generations (instance_id, generation, key_sha256, state, not_after_ms, created_ms)
     VALUES (?, ?, ?, 'pending', ?, ?)
     ON CONFLICT DO UPDATE SET state = 'pending', not_after_ms = excluded.not_after_ms, created_ms = excluded.created_ms`,
    instanceId,
    generation,
    keySha256,
    notAfterMs,
    nowMs,
  )
  writer.run(
    `DELETE FROM bot_generations WHERE instance_id = ? AND state = 'superseded' AND rowid NOT IN
       (SELECT rowid FROM bot_generations WHERE instance_id = ? AND state = 'superseded'
        ORDER BY created_ms DESC, rowid DESC LIMIT ${SUPERSEDED_KEPT})`,
    instanceId,
    instanceId,
  )
  writer.run(
    `UPDATE bot_instances SET renewed_ms = ?, not_after_ms = max(not_after_ms, ?), agent_version = ? WHERE id = ?`,
    nowMs,
    notAfterMs,
    agentVersion,
    instanceId,
  )
}

/** Notes the first use of a pending certificate: all before it are superseded, and its join token's use is spent. */
export function setUsed(
  writer: Writer,
  instanceId: string,
  { generation, keySha256 }: Certified,
  nowMs: number,
): void {
  const { changes } = writer.run(
    `UPDATE bot_generations SET state = 'used'
     WHERE instance_id = ? AND generation = ? AND key_sha256 = ? AND state = 'pending'`,
    instanceId,
    generation,
    keySha256,
  )
  if (changes === 0) return
  writer.run(
    `UPDATE bot_generations SET state = 'superseded' WHERE instance_id = ? AND state = 'used' AND generation < ?`,
    instanceId,
    generation,
  )
  writer.run(
    `UPDATE join_token_uses SET redeemed_ms = ? WHERE instance_id = ? AND redeemed_ms IS NULL`,
    nowMs,
    instanceId,
  )
}

export function deleteInstance(writer: Writer, id: string): void {
  writer.run('DELETE FROM bot_instances WHERE id = ?', id)
}
