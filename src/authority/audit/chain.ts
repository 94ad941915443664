import { hash } from 'node:crypto'
import type { Clock } from '../../foundation/clock.ts'
import type { AuditChaining, ChainedAuditRow, NewAuditRow } from '../datastore/ports.ts'

/** The hash that the first row chains to. */
export const CHAIN_START = Buffer.alloc(32)

type ChainedColumns = Omit<ChainedAuditRow, 'hash'>

export interface ChainEnd {
  readonly sequence: number
  readonly hash: Buffer
}

/**
 * The hash of a row. The columns are encoded as a JSON array, so no two different rows have the same
 * text.
 */
export function hashRow(previous: Uint8Array, row: ChainedColumns): Buffer {
  const text = JSON.stringify([row.sequence, row.time_ms, row.event, row.actor, row.ref, row.detail])
  return hash('sha256', Buffer.concat([previous, Buffer.from(text)]), 'buffer')
}

/** Gives events their sequence numbers and hashes (decision 0014) at the end of their transaction. */
export class AuditChain implements AuditChaining {
  readonly #clock: Clock
  readonly #onCommitted: (end: ChainEnd) => void
  #end: ChainEnd
  #next: ChainEnd

  constructor(end: ChainEnd, clock: Clock, onCommitted: (end: ChainEnd) => void) {
    this.#end = end
    this.#next = end
    this.#clock = clock
    this.#onCommitted = onCommitted
  }

  /** The last durable row. */
  get end(): ChainEnd {
    return this.#end
  }

  extend(events: readonly NewAuditRow[]): readonly ChainedAuditRow[] {
    const timeMs = this.#clock.now().getTime()
    let end = this.#end // not #next: it may hold the end of a failed commit
    const rows = events.map(({ event, actor, ref, detail }) => {
      const columns = {
        sequence: end.sequence + 1,
        time_ms: timeMs,
        event,
        actor,
        ref: ref ?? null,
        detail: JSON.stringify(detail),
      }
      end = { sequence: columns.sequence, hash: hashRow(end.hash, columns) }
      return { ...columns, hash: end.hash }
    })
    this.#next = end
    return rows
  }

  committed(): void {
    this.#end = this.#next
    this.#onCommitted(this.#end)
  }
}
