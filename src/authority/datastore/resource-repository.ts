import type { Clock } from '../../foundation/clock.ts'
import { Emitter } from '../../foundation/emitter.ts'
import { RevisionConflictError } from './errors.ts'
import type { Change, Datastore, Transaction } from './ports.ts'
import { leaveTombstone, takeRevisions } from './revisions.ts'
import type { ResourcesTable } from './schema/resource-table.ts'

interface ResourceMetadata {
  readonly labels: Readonly<Record<string, string>>
  readonly expiresMs?: number
}

export interface StoredResource {
  readonly kind: string
  readonly name: string
  /** Decimal. Every later change of any resource gets a greater one. */
  readonly revision: string
  readonly metadata: ResourceMetadata
  readonly spec: unknown
  readonly updatedMs: number
}

/** A change of one resource; `after` is undefined when it was deleted. */
export interface ResourceChange {
  readonly kind: string
  readonly name: string
  readonly after: StoredResource | undefined
}

export type NewResource = Pick<StoredResource, 'kind' | 'name' | 'metadata' | 'spec'>

/** The revision that a change replaces; undefined when it creates the resource. */
interface Before {
  readonly revision: string | undefined
}

/** A resource to write. Without `before` it replaces whatever is stored. */
interface Put {
  readonly resource: NewResource
  readonly before?: Before
}

/** Rows per statement. */
const ROWS_PER_STATEMENT = 100

/** Resources in the database. Subscribers are told of each change once it is durable. */
export class ResourceRepository {
  readonly #datastore: Datastore
  readonly #clock: Clock
  readonly #changes = new Emitter<readonly ResourceChange[]>()

  constructor(datastore: Datastore, clock: Clock) {
    this.#datastore = datastore
    this.#clock = clock
    datastore.changes.subscribe((changes) => this.#announce(changes))
  }

  /** Sorted by kind, then by name. */
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

  /** The names of bots that were deleted, and not created again since. */
  async deletedBots(): Promise<Set<string>> {
    const present = new Set((await this.list('bot')).map(({ name }) => name))
    const gone = await this.#datastore.rows('tombstones', { topic: 'resource', kind: 'bot' })
    return new Set(gone.flatMap(({ name }) => (present.has(name) ? [] : [name])))
  }

  /** The same inside a transaction, including its own earlier changes. */
  async find(tx: Transaction, kind: string, name: string): Promise<StoredResource | undefined> {
    const [row] = await tx.rows('resources', { kind, name })
    return row && fromRow(row)
  }

  /**
   * Creates or replaces a resource. @throws RevisionConflictError when the stored revision is not
   * `before`
   */
  async put(tx: Transaction, resource: NewResource, before?: Before): Promise<StoredResource> {
    const [stored] = await this.putAll(tx, [before ? { resource, before } : { resource }])
    return stored as StoredResource
  }

  /**
   * The same for several resources, in order. No resource may occur twice. @throws
   * RevisionConflictError
   */
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
    for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT)
      await upsert(tx, rows.slice(at, at + ROWS_PER_STATEMENT))
    for (const row of rows) {
      tx.changed({ topic: 'resource', kind: row.kind, name: row.name, revision: row.revision, row })
    }
    return puts.map(({ resource }, index) => ({ ...resource, revision: String(first + index), updatedMs }))
  }

  /**
   * Deletes a resource together with what belongs to it (a bot's instances, a join token's state).
   * Returns false when it did not exist. @throws RevisionConflictError when the stored revision is
   * not `before`
   */
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
   * Calls the listener after each commit with its changes, before the promise of the transaction
   * resolves.
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

  #announce(changes: readonly Change[]): void {
    const resources = changes.flatMap((change): ResourceChange[] => {
      if (change.topic !== 'resource') return []
      const { kind, name, row } = change
      return [{ kind, name, after: row && fromRow(row) }]
    })
    if (resources.length > 0) this.#changes.emit(resources)
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
