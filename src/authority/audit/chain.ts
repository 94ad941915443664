import { hash } from 'node:crypto'
import type { Clock } from '../../foundation/clock.ts'
import type { CommitStage, Writer } from '../datastore/writer.ts'
import type { AuditEntry } from './events.ts'

/** What the first row follows. */
export const CHAIN_START = Buffer.alloc(32)

export interface ChainedColumns {
  readonly sequence: number
  readonly time_ms: number
  readonly event: string
  readonly actor: string
  readonly ref: string | null
  readonly detail: string
}

export interface ChainEnd {
  readonly sequence: number
  readonly hash: Buffer
}

/** The hash of a row. A JSON array keeps the columns apart: no two different rows have the same text. */
export function hashRow(previous: Uint8Array, row: ChainedColumns): Buffer {
  const text = JSON.stringify([row.sequence, row.time_ms, row.event, row.actor, row.ref, row.detail])
  return hash('sha256', Buffer.concat([previous, Buffer.from(text)]), 'buffer')
}

const INSERT =
  'INSERT INTO audit_events (sequence, time_ms, event, actor, ref, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?)'

/** Gives events their place in the chain (decision 0014) at the end of the transaction they belong to. */
export class AuditChain implements CommitStage<AuditEntry> {
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

  write(writer: Writer, entries: readonly AuditEntry[]): void {
    const timeMs = this.#clock.now().getTime()
    let { sequence, hash: previous } = this.#end // what a failed commit left in #next does not count
    for (const { event, actor, ref, detail } of entries) {
      sequence++
      const row = {
        sequence,
        time_ms: timeMs,
        event,
        actor,
        ref: ref ?? null,
        detail: JSON.stringify(detail),
      }
      previous = hashRow(previous, row)
      writer.run(INSERT, sequence, timeMs, event, actor, row.ref, row.detail, previous)
    }
    this.#next = { sequence, hash: previous }
  }

  committed(): void {
    this.#end = this.#next
    this.#onCommitted(this.#end)
  }
}
