/** What people applied: roles, bots, join tokens, workload identities, locks. */
export interface ResourcesTable {
  kind: string
  name: string
  /** From the one counter of the datastore, so that a later change always has a greater one. */
  revision: number
  /** JSON: {labels, expires} as written. */
  metadata: string
  /** JSON. */
  spec: string
  updated_ms: number
}
