/** The audit log: only ever appended to. */
export interface AuditEventsTable {
  /** The number of the authority whose chain it is in. */
  authority: number
  /** 1, 2, 3 … without gaps, per authority. */
  sequence: number
  time_ms: number
  event: string
  actor: string
  ref: string | null
  /** JSON. */
  detail: string
  /** SHA-256 over the hash of the previous row and the columns of this one. */
  hash: Uint8Array
}
