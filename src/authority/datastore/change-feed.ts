import { Emitter } from '../../foundation/emitter.ts'
import type { Change, ChangeFeed, Changes, Datastore, Transaction } from './ports.ts'
import { KEPT_REVISIONS, REVISION } from './revisions.ts'

/** The change feed for any database engine. The engine calls `announce` after each commit. */
export class DatastoreChanges implements ChangeFeed {
  readonly #datastore: Pick<Datastore, 'transaction'>
  readonly #emitter = new Emitter<readonly Change[]>()

  constructor(datastore: Pick<Datastore, 'transaction'>) {
    this.#datastore = datastore
  }

  subscribe(listener: (changes: readonly Change[]) => void): Disposable {
    return this.#emitter.subscribe(listener)
  }

  announce(changes: readonly Change[]): void {
    this.#emitter.emit(changes)
  }

  read(after?: number): Promise<Changes> {
    return this.#datastore.transaction(async (tx) => {
      const [counter] = await tx.rows('meta', { key: REVISION })
      const revision = Number(counter?.value ?? 0)
      // A reader ahead of the counter has read a database that an older copy has since replaced.
      const isKnown = after !== undefined && after <= revision && after >= revision - KEPT_REVISIONS
      const changes = [
        ...(await present(tx, isKnown ? after : undefined)),
        ...(isKnown ? await gone(tx, after) : []),
      ]
      return {
        revision,
        isSnapshot: !isKnown,
        changes: changes.toSorted((a, b) => a.revision - b.revision),
      }
    })
  }
}

async function present(tx: Transaction, after: number | undefined): Promise<Change[]> {
  const where = after === undefined ? {} : { revision: { above: after } }
  const [resources, instances, keys] = [
    await tx.rows('resources', where),
    await tx.rows('bot_instances', where),
    await tx.rows('signing_keys', where),
  ]
  return [
    ...resources.map(
      (row): Change => ({ topic: 'resource', kind: row.kind, name: row.name, revision: row.revision, row }),
    ),
    ...instances.map((row): Change => ({ topic: 'bot_instance', name: row.id, revision: row.revision, row })),
    ...keys.map((row): Change => ({ topic: 'signing_key', name: row.id, revision: row.revision, row })),
  ]
}

async function gone(tx: Transaction, after: number): Promise<Change[]> {
  const rows = await tx.rows('tombstones', { revision: { above: after } })
  return rows.map(({ topic, kind, name, revision }): Change => {
    const row = undefined
    return topic === 'resource' ? { topic, kind, name, revision, row } : { topic, name, revision, row }
  })
}
