/** The audit log: only ever appended to. */
export interface AuditEventsTable {
  /** Whose chain it is in. */
  authority: number
  /** 1, 2, 3 … without a gap, of one authority. */
  sequence: number
  time_ms: number
  event: string
  actor: string
  ref: string | null
  /** JSON. */
  detail: string
  /** SHA-256 over the hash of the row before and the columns of this one. */
  hash: Uint8Array
}
