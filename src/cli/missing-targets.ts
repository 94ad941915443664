import type { RpcCalls } from '../rpc/calls.ts'
import type { ListAuditEventsResponse__Output } from '../rpc/gen/signet/v1/ListAuditEventsResponse.ts'
import { list, listInstances } from './lists.ts'
import type { LockTarget } from './lock-target.ts'

/** The events whose callers showed a certificate of this authority, known bot or not. */
const REFUSALS = ['bot.refused', 'renewal.refused']

/**
 * Those of the targets, all of one kind, that neither exist nor are named by an agent. The join token of an
 * agent may be deleted. An agent that joined after the backup from which the database was restored is
 * known only by its refusals, and only its lock makes it withdraw its SVIDs before they expire.
 */
export async function missingTargets(client: RpcCalls, targets: readonly LockTarget[]): Promise<string[]> {
  const field = targets[0]?.field ?? ''
  const missing = new Set(targets.map(({ value }) => value))
  for await (const name of namesOf(client, field)) {
    missing.delete(name)
    if (missing.size === 0) break
  }
  return [...missing]
}

/** The cheapest to ask for come first. */
async function* namesOf(client: RpcCalls, field: string): AsyncGenerator<string> {
  if (field !== 'bot_instance') for (const { name } of await list(client, field)) yield name
  if (field === 'join_token') for (const { joinToken } of await listInstances(client)) yield joinToken
  if (field === 'bot_instance') for (const { id } of await listInstances(client)) yield id
  if (field === 'bot') for await (const { bot } of refused(client)) yield bot
  if (field === 'bot_instance') for await (const { botInstance } of refused(client)) yield botInstance
}

async function* refused(
  client: RpcCalls,
): AsyncGenerator<{ readonly bot: string; readonly botInstance: string }> {
  const pages = client.stream<object, ListAuditEventsResponse__Output>(
    'signet.v1.AdminService',
    'ListAuditEvents',
    { events: REFUSALS, ref: '', since: null, limit: 0, follow: false },
  )
  for await (const { events } of pages) for (const { detailJson } of events) yield JSON.parse(detailJson)
}
