/** What there is of a join token beside its resource, which says what it permits; it goes when that goes. */
export interface JoinTokensTable {
  name: string
  resource_kind: string
  /** What its join method keeps of it, in a form of its own. Never a secret itself. */
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
  /** When the bot certificate was first used; from then on the same key cannot ask again. */
  redeemed_ms: number | null
}
