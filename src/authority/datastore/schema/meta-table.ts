/** Single values of this datastore: trust domain, counters, the check value of the key-encryption key. */
export interface MetaTable {
  key: string
  value: string
}

/** Which migrations have run. */
export interface SchemaMigrationsTable {
  number: number
  name: string
  applied_ms: number
}
