import type { Clock } from '../../foundation/clock.ts'
import { Emitter } from '../../foundation/emitter.ts'
import { nextOf } from './meta.ts'
import type { Datastore, Transaction } from './ports.ts'
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

/** Resources in the database, and the news of what changed, given once it is durable. */
export class ResourceRepository {
  readonly #datastore: Datastore
  readonly #clock: Clock
  readonly #changes = new Emitter<readonly ResourceChange[]>()
  #news: ResourceChange[] = []

  constructor(datastore: Datastore, clock: Clock) {
    this.#datastore = datastore
    this.#clock = clock
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

  /** Creates or replaces, under a new revision. */
  async put(tx: Transaction, resource: NewResource): Promise<StoredResource> {
    const { kind, name, metadata, spec } = resource
    const revision = await nextOf(tx, 'resource_revision')
    const updatedMs = this.#clock.now().getTime()
    const columns = {
      revision,
      metadata: JSON.stringify(metadata),
      spec: JSON.stringify(spec),
      updated_ms: updatedMs,
    }
    await tx.db
      .insertInto('resources')
      .values({ kind, name, ...columns })
      .onConflict((conflict) => conflict.columns(['kind', 'name']).doUpdateSet(columns))
      .execute()
    const stored = { ...resource, revision: String(revision), updatedMs }
    tx.afterCommit(() => this.#tell({ kind, name, after: stored }))
    return stored
  }

  /** False when there was none. What hangs on it (a bot's instances, a join token's secret) goes with it. */
  async remove(tx: Transaction, kind: string, name: string): Promise<boolean> {
    const { numDeletedRows } = await tx.db
      .deleteFrom('resources')
      .where('kind', '=', kind)
      .where('name', '=', name)
      .executeTakeFirst()
    if (numDeletedRows === 0n) return false
    await nextOf(tx, 'resource_revision')
    tx.afterCommit(() => this.#tell({ kind, name, after: undefined }))
    return true
  }

  /** Changes arrive in order, those of one commit together, before the promise of the transaction that made them resolves. */
  subscribe(listener: (changes: readonly ResourceChange[]) => void): Disposable {
    return this.#changes.subscribe(listener)
  }

  #tell(change: ResourceChange): void {
    this.#news.push(change)
    if (this.#news.length > 1) return
    queueMicrotask(() => {
      const changes = this.#news
      this.#news = []
      this.#changes.emit(changes)
    })
  }
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
