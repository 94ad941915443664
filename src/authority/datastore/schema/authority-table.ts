/** An authority that writes to this database. Its audit rows are a chain of their own. */
export interface AuthoritiesTable {
  /** Stands for the ID in every audit row. */
  number: number
  id: string
  created_ms: number
}
