/** An authority that writes this database. Its audit rows are its own chain. */
export interface AuthoritiesTable {
  /** Short for the id, in every audit row. */
  number: number
  id: string
  created_ms: number
}
