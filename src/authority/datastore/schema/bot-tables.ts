/** One joined agent lineage. It is deleted with its bot. */
export interface BotInstancesTable {
  id: string
  bot_kind: string
  bot_name: string
  join_token: string
  join_method: string
  /** The attributes that the method proved, as JSON. */
  join_attributes: string
  joined_ms: number
  renewed_ms: number
  /** The latest notAfter of any bot certificate that it was issued. */
  not_after_ms: number
  agent_version: string
  hostname: string
  /** The revision of its last change, or of the last change of its certificates. */
  revision: number
}

/** A bot certificate that was issued to an instance: one row per key certified in a generation. */
export interface BotGenerationsTable {
  instance_id: string
  generation: number
  key_sha256: string
  state: 'pending' | 'used' | 'superseded'
  not_after_ms: number
  created_ms: number
}
