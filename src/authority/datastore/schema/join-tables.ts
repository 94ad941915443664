/** The secret behind a join token of method `secret`. What it permits stands in its resource; it goes when that goes. */
export interface JoinTokensTable {
  name: string
  resource_kind: string
  /** Hex; the secret itself is never stored. */
  secret_sha256: string
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
