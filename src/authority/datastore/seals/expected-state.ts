import type { DatabaseSync } from 'node:sqlite'
import type { PlainRow } from './examine.ts'
import { hasTable } from './state-record.ts'

/**
 * What the rows should be according to the audit log. It serves to name what is missing and to
 * recognize rows that somebody else inserted.
 */
export interface ExpectedState {
  /** `kind name` → revision. */
  readonly resources: ReadonlyMap<string, string>
  /** Ids of signing keys. */
  readonly keys: ReadonlySet<string>
  /** Instance id → bot. */
  readonly instances: ReadonlyMap<string, string>
}

interface Recorded {
  readonly kind?: string
  readonly name?: string
  readonly revision?: string
  readonly id?: string
  readonly bot?: string
  readonly botInstance?: string
}

const SELECT_EVENTS = `SELECT event, detail FROM main.audit_events WHERE event IN ('resource.created', 'resource.updated', 'resource.deleted',
  'lock.created', 'lock.deleted', 'ca.prepared', 'ca.removed', 'join.accepted', 'bot_instance.forgotten') ORDER BY sequence`

export function expectedState(connection: DatabaseSync): ExpectedState {
  const resources = new Map<string, string>()
  const keys = new Set<string>()
  const instances = new Map<string, string>()
  if (!hasTable(connection, 'audit_events')) return { resources, keys, instances }
  for (const row of connection.prepare(SELECT_EVENTS).iterate()) {
    const { event, detail } = row as { event: string; detail: string }
    const recorded = parse(detail)
    const { kind = '', name = '', revision = '', id = '', bot = '', botInstance = '' } = recorded
    if (event === 'ca.prepared') keys.add(id)
    else if (event === 'ca.removed') keys.delete(id)
    else if (event === 'join.accepted') instances.set(botInstance, bot)
    else if (event === 'bot_instance.forgotten') instances.delete(botInstance)
    else if (!event.endsWith('.deleted')) resources.set(`${kind} ${name}`, revision)
    else {
      resources.delete(`${kind} ${name}`)
      if (kind === 'bot') for (const [one, owner] of instances) if (owner === name) instances.delete(one)
    }
  }
  return { resources, keys, instances }
}

/** Names what the audit log records but the tables lack, or have at another revision. */
export function namesOfMissing(
  expected: ExpectedState,
  rows: { get(table: 'resources' | 'signing_keys' | 'bot_instances'): readonly PlainRow[] | undefined },
): string[] {
  const found = new Map(
    (rows.get('resources') ?? []).map(({ kind, name, revision }) => [`${kind} ${name}`, String(revision)]),
  )
  const missing: string[] = []
  for (const [name, revision] of expected.resources) {
    const stored = found.get(name)
    if (stored === undefined) missing.push(`${name} is missing`)
    else if (stored !== revision) missing.push(`${name} is at revision ${stored} instead of ${revision}`)
  }
  const keys = new Set((rows.get('signing_keys') ?? []).map(({ id }) => id))
  for (const id of expected.keys) if (!keys.has(id)) missing.push(`the signing key ${id} is missing`)
  const instances = new Set((rows.get('bot_instances') ?? []).map(({ id }) => id))
  for (const id of expected.instances.keys())
    if (!instances.has(id)) missing.push(`the bot instance ${id} is missing`)
  return missing
}

function parse(detail: string): Recorded {
  try {
    return (JSON.parse(detail) as Recorded | null) ?? {}
  } catch {
    return {} // the row was changed; `audit verify` reports it
  }
}
