/** What people applied: roles, bots, join tokens, workload identities, locks. */
export interface ResourcesTable {
  kind: string
  name: string
  /** From the datastore's one counter, so a later change always has a greater revision. */
  revision: number
  /** JSON: `{labels, expires}` as written. */
  metadata: string
  /** JSON. */
  spec: string
  updated_ms: number
}
