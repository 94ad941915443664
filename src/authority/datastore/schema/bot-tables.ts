/** One joined agent lineage. It goes when its bot is deleted. */
export interface BotInstancesTable {
  id: string
  bot_kind: string
  bot_name: string
  join_token: string
  join_method: string
  /** What that has proven, as JSON. */
  join_attributes: string
  joined_ms: number
  renewed_ms: number
  /** The latest end of any bot certificate it was given. */
  not_after_ms: number
  agent_version: string
  hostname: string
  /** Of its last change, or of that of its certificates. */
  revision: number
}

/**
 * A bot certificate that was given to an instance: one row for each key that was certified in a generation.
 */
export interface BotGenerationsTable {
  instance_id: string
  generation: number
  key_sha256: string
  state: 'pending' | 'used' | 'superseded'
  not_after_ms: number
  created_ms: number
}
