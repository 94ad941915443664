import type { Clock } from '../../foundation/clock.ts'
import type { Datastore } from './datastore.ts'
import { nextOf } from './meta.ts'
import type { ResourcesTable } from './schema/resource-table.ts'
import type { Writer } from './writer.ts'

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

const ONE = 'WHERE kind = ? AND name = ?'

/** Resources in the database, and the news of what changed, given once it is durable. */
export class ResourceRepository {
  readonly #datastore: Datastore
  readonly #clock: Clock
  readonly #listeners = new Set<(changes: readonly ResourceChange[]) => void>()
  #news: ResourceChange[] = []

  constructor(datastore: Datastore, clock: Clock) {
    this.#datastore = datastore
    this.#clock = clock
  }

  /** In the order of their names, kind by kind. */
  async list(kind?: string): Promise<StoredResource[]> {
    const rows = await this.#datastore.rows<ResourcesTable>('resources')
    return rows
      .filter((row) => kind === undefined || row.kind === kind)
      .toSorted((a, b) => compare(a.kind, b.kind) || compare(a.name, b.name))
      .map(fromRow)
  }

  async get(kind: string, name: string): Promise<StoredResource | undefined> {
    const rows = await this.#datastore.rows<ResourcesTable>('resources', ONE, kind, name)
    return rows[0] && fromRow(rows[0])
  }

  /** The same inside a transaction: what other tasks of the batch did is seen. */
  find(writer: Writer, kind: string, name: string): StoredResource | undefined {
    const [row] = writer.rows<ResourcesTable>('resources', ONE, kind, name)
    return row && fromRow(row)
  }

  /** Creates or replaces, under a new revision. */
  put(writer: Writer, resource: NewResource): StoredResource {
    const stored: StoredResource = {
      ...resource,
      revision: String(nextOf(writer, 'resource_revision')),
      updatedMs: this.#clock.now().getTime(),
    }
    writer.run(
      `INSERT INTO resources (kind, name, revision, metadata, spec, updated_ms) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (kind, name) DO UPDATE SET revision = excluded.revision, metadata = excluded.metadata,
         spec = excluded.spec, updated_ms = excluded.updated_ms`,
      stored.kind,
      stored.name,
      Number(stored.revision),
      JSON.stringify(stored.metadata),
      JSON.stringify(stored.spec),
      stored.updatedMs,
    )
    writer.afterCommit(() => this.#tell({ kind: stored.kind, name: stored.name, after: stored }))
    return stored
  }

  /** False when there was none. What hangs on it (a bot's instances, a join token's secret) goes with it. */
  remove(writer: Writer, kind: string, name: string): boolean {
    const { changes } = writer.run('DELETE FROM resources WHERE kind = ? AND name = ?', kind, name)
    if (changes === 0) return false
    nextOf(writer, 'resource_revision')
    writer.afterCommit(() => this.#tell({ kind, name, after: undefined }))
    return true
  }

  /** Changes arrive in order, those of one commit together, before the promise of the write that made them resolves. */
  subscribe(listener: (changes: readonly ResourceChange[]) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  #tell(change: ResourceChange): void {
    this.#news.push(change)
    if (this.#news.length > 1) return
    queueMicrotask(() => {
      const changes = this.#news
      this.#news = []
      for (const listener of this.#listeners) listener(changes)
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
