/**
 * The state of a join token beside its resource, which says what it permits. It is deleted with the
 * resource.
 */
export interface JoinTokensTable {
  name: string
  resource_kind: string
  /** What the join method keeps of the token, in the method's own format. Never a secret. */
  method_state: string
  uses: number
  created_ms: number
}

/** One use of a join token, held by one key. */
export interface JoinTokenUsesTable {
  token_name: string
  key_sha256: string
  instance_id: string
  created_ms: number
  /** When the bot certificate was first used. From then on the same key cannot join again. */
  redeemed_ms: number | null
}
