import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { StateRecord } from './state-record.ts'

/** The number of the only authority that writes an embedded database. */
export const ONLY_AUTHORITY = 1

/** The last audit row of this authority; sequence 0 means none. */
interface AuditEnd {
  readonly sequence: number
  readonly hash: Uint8Array
}

const NONE: AuditEnd = { sequence: 0, hash: new Uint8Array(0) }

/** Compares the end of the audit log with the sealed record of the state. */
export class AuditEndCheck {
  readonly #end: StatementSync
  readonly #beyond: StatementSync
  readonly #others: readonly StatementSync[]

  constructor(connection: DatabaseSync) {
    const own = hasAuthorities(connection) ? `authority = ${ONLY_AUTHORITY} AND` : ''
    const last = 'ORDER BY sequence DESC LIMIT 1'
    this.#end = connection.prepare(`SELECT sequence, hash FROM main.audit_events WHERE ${own} true ${last}`)
    this.#beyond = connection.prepare(`DELETE FROM main.audit_events WHERE ${own} sequence > ?`)
    this.#others = (own === '' ? [] : ['<', '>']).map((is) =>
      connection.prepare(`DELETE FROM main.audit_events WHERE authority ${is} ${ONLY_AUTHORITY}`),
    )
  }

  end(): AuditEnd {
    return (this.#end.get() as AuditEnd | undefined) ?? NONE
  }

  /**
   * Removes rows that this authority did not write, because its next rows take their numbers. Returns
   * one sentence per problem.
   */
  examine({ auditSequence, auditHash }: StateRecord): string[] {
    const problems: string[] = []
    let removed = Number(this.#beyond.run(auditSequence).changes)
    for (const others of this.#others) removed += Number(others.run().changes)
    if (removed > 0) {
      problems.push(`${removed} rows that this authority did not write stood at the end of the audit log`)
    }
    const end = this.end()
    if (end.sequence < auditSequence || !Buffer.from(auditHash).equals(end.hash)) {
      problems.push('the end of the audit log was cut off or changed from outside')
    }
    return problems
  }
}

/** False in a database of a version that had only one chain. */
function hasAuthorities(connection: DatabaseSync): boolean {
  const columns = connection.prepare('PRAGMA main.table_info(audit_events)').all() as { name: string }[]
  return columns.some(({ name }) => name === 'authority')
}
