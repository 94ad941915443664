import type { Clock } from '../../foundation/clock.ts'
import { Emitter } from '../../foundation/emitter.ts'
import { RevisionConflictError } from './errors.ts'
import type { Change, Datastore, Transaction } from './ports.ts'
import { leaveTombstone, takeRevisions } from './revisions.ts'
import type { ResourcesTable } from './schema/resource-table.ts'

export interface ResourceMetadata {
  readonly labels: Readonly<Record<string, string>>
  readonly expiresMs?: number
}

export interface StoredResource {
  readonly kind: string
  readonly name: string
  /** Decimal; greater than that of every earlier change of any resource. */
  readonly revision: string
  readonly metadata: ResourceMetadata
  readonly spec: unknown
  readonly updatedMs: number
}

/** What became of one resource; `after` is absent when it was deleted. */
export interface ResourceChange {
  readonly kind: string
  readonly name: string
  readonly after: StoredResource | undefined
}

export type NewResource = Pick<StoredResource, 'kind' | 'name' | 'metadata' | 'spec'>

/** The revision that a change replaces; undefined when it creates. */
export interface Before {
  readonly revision: string | undefined
}

/** A resource to write. Without `before` it replaces whatever is stored. */
export interface Put {
  readonly resource: NewResource
  readonly before?: Before
}

/** Rows that go into one statement. */
const ROWS_AT_ONCE = 100

/** Resources in the database, and the news of what changed, given once it is durable. */
export class ResourceRepository {
  readonly #datastore: Datastore
  readonly #clock: Clock
  readonly #changes = new Emitter<readonly ResourceChange[]>()

  constructor(datastore: Datastore, clock: Clock) {
    this.#datastore = datastore
    this.#clock = clock
    datastore.changes.subscribe((changes) => this.#tell(changes))
  }

  /** In the order of their names, kind by kind. */
  async list(kind?: string): Promise<StoredResource[]> {
    const rows = await this.#datastore.rows('resources')
    return rows
      .filter((row) => kind === undefined || row.kind === kind)
      .toSorted((a, b) => compare(a.kind, b.kind) || compare(a.name, b.name))
      .map(fromRow)
  }

  async get(kind: string, name: string): Promise<StoredResource | undefined> {
    const [row] = await this.#datastore.rows('resources', { kind, name })
    return row && fromRow(row)
  }

  /** The same inside a transaction: what came before in it is seen. */
  async find(tx: Transaction, kind: string, name: string): Promise<StoredResource | undefined> {
    const [row] = await tx.rows('resources', { kind, name })
    return row && fromRow(row)
  }

  /**
   * Creates or replaces a resource. @throws RevisionConflictError when another revision than `before` is
   * stored
   */
  async put(tx: Transaction, resource: NewResource, before?: Before): Promise<StoredResource> {
    const [stored] = await this.putAll(tx, [before ? { resource, before } : { resource }])
    return stored as StoredResource
  }

  /** The same for many, in their order. No two of them may be one resource. */
  async putAll(tx: Transaction, puts: readonly Put[]): Promise<StoredResource[]> {
    if (puts.length === 0) return []
    const first = await takeRevisions(tx, puts.length)
    for (const { resource, before } of puts) {
      if (before) await this.#expect(tx, resource, before)
    }
    const updatedMs = this.#clock.now().getTime()
    const rows = puts.map(({ resource: { kind, name, metadata, spec } }, index) => ({
      kind,
      name,
      revision: first + index,
      metadata: JSON.stringify(metadata),
      spec: JSON.stringify(spec),
      updated_ms: updatedMs,
    }))
    for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) await upsert(tx, rows.slice(at, at + ROWS_AT_ONCE))
    for (const row of rows) {
      tx.changed({ topic: 'resource', kind: row.kind, name: row.name, revision: row.revision, row })
    }
    return puts.map(({ resource }, index) => ({ ...resource, revision: String(first + index), updatedMs }))
  }

  /** False when there was none. What hangs on it (a bot's instances, a join token's secret) goes with it. */
  async remove(tx: Transaction, kind: string, name: string, before?: Before): Promise<boolean> {
    const revision = await takeRevisions(tx)
    if (before) await this.#expect(tx, { kind, name }, before)
    const { numDeletedRows } = await tx.db
      .deleteFrom('resources')
      .where('kind', '=', kind)
      .where('name', '=', name)
      .executeTakeFirst()
    if (numDeletedRows === 0n) return false
    await leaveTombstone(tx, { topic: 'resource', kind, name, revision })
    tx.changed({ topic: 'resource', kind, name, revision, row: undefined })
    return true
  }

  /**
   * Calls the listener after each commit with its changes, before the promise of the transaction resolves.
   */
  subscribe(listener: (changes: readonly ResourceChange[]) => void): Disposable {
    return this.#changes.subscribe(listener)
  }

  async #expect(
    tx: Transaction,
    { kind, name }: Pick<NewResource, 'kind' | 'name'>,
    before: Before,
  ): Promise<void> {
    const found = await this.find(tx, kind, name)
    if (found?.revision !== before.revision) throw new RevisionConflictError(`${kind} ${name}`)
  }

  #tell(changes: readonly Change[]): void {
    const told = changes.flatMap((change): ResourceChange[] => {
      if (change.topic !== 'resource') return []
      const { kind, name, row } = change
      return [{ kind, name, after: row && fromRow(row) }]
    })
    if (told.length > 0) this.#changes.emit(told)
  }
}

function upsert(tx: Transaction, rows: readonly ResourcesTable[]): Promise<unknown> {
  return tx.db
    .insertInto('resources')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['kind', 'name']).doUpdateSet((row) => ({
        revision: row.ref('excluded.revision'),
        metadata: row.ref('excluded.metadata'),
        spec: row.ref('excluded.spec'),
        updated_ms: row.ref('excluded.updated_ms'),
      })),
    )
    .execute()
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function fromRow(row: ResourcesTable): StoredResource {
  return {
    kind: row.kind,
    name: row.name,
    revision: String(row.revision),
    metadata: JSON.parse(row.metadata) as ResourceMetadata,
    spec: JSON.parse(row.spec),
    updatedMs: row.updated_ms,
  }
}
