export type KeyPurpose = 'control_root' | 'control_issuing' | 'spiffe_x509' | 'jwt'
/** `ended`: over by the clock, in no bundle any more, and kept for a while in case the clock was wrong. */
export type KeyState = 'prepared' | 'active' | 'retired' | 'ended'

/** A signing key; the private part is sealed under the key-encryption key. */
export interface SigningKeysTable {
  id: string
  purpose: KeyPurpose
  state: KeyState
  /** Hex of the SubjectKeyIdentifier; the `kid` of a JWT key. */
  key_id: string
  /** Which key signed the certificate, when it is not its own. */
  parent_id: string | null
  /** DER; a JWT key has none. */
  certificate: Uint8Array | null
  /** SubjectPublicKeyInfo (DER). */
  public_key: Uint8Array
  sealed_private_key: Uint8Array
  not_before_ms: number
  not_after_ms: number
  created_ms: number
  /** When a prepared key becomes active; unset for others. */
  activate_ms: number | null
  /** Of its last change. */
  revision: number
}
