import type { Attributes } from '../../policy/attributes.ts'
import { RevisionConflictError } from './errors.ts'
import { redeemTokenUse } from './join-token-repository.ts'
import type { Datastore, Transaction } from './ports.ts'
import { leaveTombstone, takeRevisions } from './revisions.ts'
import type { BotGenerationsTable, BotInstancesTable } from './schema/bot-tables.ts'

/**
 * How many superseded keys are remembered per generation. Once there are that many, every unknown key
 * of the generation counts as superseded. Otherwise repeated renewals could push an earlier key out
 * of memory.
 */
export const MAX_SUPERSEDED = 32

/** A bot instance with all of its remembered certificates. */
export interface InstanceRows {
  readonly instance: BotInstancesTable
  readonly generations: readonly BotGenerationsTable[]
}

/** The join method that an instance used, and the attributes that it proved. */
interface ProvenJoin {
  readonly joinMethod: string
  readonly joinAttributes: Attributes
}

interface NewInstance extends ProvenJoin {
  readonly id: string
  readonly bot: string
  readonly joinToken: string
  readonly agentVersion: string
  readonly hostname: string
}

interface CertifiedKey {
  readonly generation: number
  readonly keySha256: string
}

/** Loads all instances, sorted by ID, which is the order in which they joined. */
export async function loadInstances(datastore: Datastore): Promise<InstanceRows[]> {
  const rows = await datastore.rows('bot_instances')
  const generations = new Map<string, BotGenerationsTable[]>()
  for (const row of await datastore.rows('bot_generations')) {
    const known = generations.get(row.instance_id)
    if (known) known.push(row)
    else generations.set(row.instance_id, [row])
  }
  return rows
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((instance) => ({ instance, generations: generations.get(instance.id) ?? [] }))
}

export async function findInstance(tx: Transaction, id: string): Promise<InstanceRows | undefined> {
  const [instance] = await tx.rows('bot_instances', { id })
  return instance && { instance, generations: await tx.rows('bot_generations', { instance_id: id }) }
}

export async function insertInstance(tx: Transaction, instance: NewInstance, nowMs: number): Promise<void> {
  const row = {
    id: instance.id,
    bot_kind: 'bot',
    bot_name: instance.bot,
    join_token: instance.joinToken,
    join_method: instance.joinMethod,
    join_attributes: JSON.stringify(instance.joinAttributes),
    joined_ms: nowMs,
    renewed_ms: nowMs,
    not_after_ms: 0,
    agent_version: instance.agentVersion,
    hostname: instance.hostname,
    revision: await takeRevisions(tx),
  }
  await tx.db.insertInto('bot_instances').values(row).execute()
  tx.changed({ topic: 'bot_instance', name: row.id, revision: row.revision, row })
}

/** Stores the new proof when the same key joins again. */
export function setProven(
  tx: Transaction,
  id: string,
  { joinMethod, joinAttributes }: ProvenJoin,
): Promise<void> {
  return changeInstance(tx, { id }, () => ({
    join_method: joinMethod,
    join_attributes: JSON.stringify(joinAttributes),
  }))
}

/**
 * Certifies a key for the next generation, which is not used yet. Any other pending key of the
 * instance becomes superseded. @throws RevisionConflictError when the used generation is not the one
 * before
 */
export async function setPending(
  tx: Transaction,
  instanceId: string,
  certified: CertifiedKey & { readonly notAfterMs: number; readonly agentVersion: string },
  nowMs: number,
): Promise<void> {
  const { generation, keySha256, notAfterMs, agentVersion } = certified
  await changeInstance(tx, { id: instanceId }, (before) => ({
    renewed_ms: nowMs,
    not_after_ms: Math.max(before.not_after_ms, notAfterMs),
    agent_version: agentVersion,
  }))
  const [used] = await tx.rows('bot_generations', { instance_id: instanceId, state: 'used' })
  if ((used?.generation ?? 0) !== generation - 1)
    throw new RevisionConflictError(`bot instance ${instanceId}`)
  await tx.db
    .updateTable('bot_generations')
    .set({ state: 'superseded' })
    .where('instance_id', '=', instanceId)
    .where('state', '=', 'pending')
    .execute()
  const columns = { state: 'pending', not_after_ms: notAfterMs, created_ms: nowMs } as const
  await tx.db
    .insertInto('bot_generations')
    .values({ instance_id: instanceId, generation, key_sha256: keySha256, ...columns })
    .onConflict((conflict) =>
      conflict.columns(['instance_id', 'generation', 'key_sha256']).doUpdateSet(columns),
    )
    .execute()
  await forgetSuperseded(tx, instanceId)
}

/**
 * Marks a pending certificate as used. That supersedes all earlier certificates and redeems the use
 * of the join token. @throws RevisionConflictError when the instance is no longer at that revision
 */
export async function setUsed(
  tx: Transaction,
  instance: InstanceAt,
  { generation, keySha256 }: CertifiedKey,
  nowMs: number,
): Promise<void> {
  await changeInstance(tx, instance, () => ({}))
  await tx.db
    .updateTable('bot_generations')
    .set({ state: 'used' })
    .where('instance_id', '=', instance.id)
    .where('generation', '=', generation)
    .where('key_sha256', '=', keySha256)
    .where('state', '=', 'pending')
    .execute()
  await tx.db
    .updateTable('bot_generations')
    .set({ state: 'superseded' })
    .where('instance_id', '=', instance.id)
    .where('state', '=', 'used')
    .where('generation', '<', generation)
    .execute()
  await redeemTokenUse(tx, instance.id, nowMs)
}

/** @throws RevisionConflictError when the instance is no longer at that revision */
export async function deleteInstance(tx: Transaction, { id, revision }: Required<InstanceAt>): Promise<void> {
  const next = await takeRevisions(tx)
  const { numDeletedRows } = await tx.db
    .deleteFrom('bot_instances')
    .where('id', '=', id)
    .where('revision', '=', revision)
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw new RevisionConflictError(`bot instance ${id}`)
  await leaveTombstone(tx, { topic: 'bot_instance', name: id, revision: next })
  tx.changed({ topic: 'bot_instance', name: id, revision: next, row: undefined })
}

/** An instance at the revision that the caller knows. Without a revision: as it is stored now. */
interface InstanceAt {
  readonly id: string
  readonly revision?: number
}

/** Checks the revision and changes the row under a new one. @throws RevisionConflictError */
async function changeInstance(
  tx: Transaction,
  { id, revision: expected }: InstanceAt,
  change: (before: BotInstancesTable) => Partial<BotInstancesTable>,
): Promise<void> {
  const revision = await takeRevisions(tx)
  const [before] = await tx.rows('bot_instances', { id })
  if (!before || before.revision !== (expected ?? before.revision)) {
    throw new RevisionConflictError(`bot instance ${id}`)
  }
  const columns = { ...change(before), revision }
  await tx.db.updateTable('bot_instances').set(columns).where('id', '=', id).execute()
  tx.changed({ topic: 'bot_instance', name: id, revision, row: { ...before, ...columns } })
}

/**
 * Deletes superseded keys of generations before the used one, which are recognized by their number,
 * and all but the newest `MAX_SUPERSEDED` of each other generation.
 */
async function forgetSuperseded(tx: Transaction, instanceId: string): Promise<void> {
  const rows = await tx.rows('bot_generations', { instance_id: instanceId })
  const used = rows.find(({ state }) => state === 'used')?.generation ?? 0
  const newestFirst = rows
    .filter(({ state }) => state === 'superseded')
    .toSorted((a, b) => b.created_ms - a.created_ms)
  const kept = new Map<number, number>()
  for (const { generation, key_sha256 } of newestFirst) {
    const count = (kept.get(generation) ?? 0) + 1
    kept.set(generation, count)
    if (generation >= used && count <= MAX_SUPERSEDED) continue
    await tx.db
      .deleteFrom('bot_generations')
      .where('instance_id', '=', instanceId)
      .where('generation', '=', generation)
      .where('key_sha256', '=', key_sha256)
      .execute()
  }
}
