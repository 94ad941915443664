export type KeyPurpose = 'control_root' | 'control_issuing' | 'spiffe_x509' | 'jwt'
/**
 * `ended`: expired by the clock and in no bundle any more, but kept for a while in case the clock was
 * wrong.
 */
export type KeyState = 'prepared' | 'active' | 'retired' | 'ended'

/** A signing key. The private key is sealed under the key-encryption key. */
export interface SigningKeysTable {
  id: string
  purpose: KeyPurpose
  state: KeyState
  /** The SubjectKeyIdentifier in hex (RFC 5280 §4.2.1.2); for a JWT key, its `kid`. */
  key_id: string
  /** The key that signed the certificate; null for a self-signed one. */
  parent_id: string | null
  /** DER; a JWT key has none. */
  certificate: Uint8Array | null
  /** SubjectPublicKeyInfo (DER). */
  public_key: Uint8Array
  sealed_private_key: Uint8Array
  not_before_ms: number
  not_after_ms: number
  created_ms: number
  /** When a prepared key becomes active; null in other states. */
  activate_ms: number | null
  /** The revision of its last change. */
  revision: number
}
