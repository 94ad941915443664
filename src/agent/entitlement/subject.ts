/**
 * The receiver of identities: a calling process (`Peer`), or another user of identities in this
 * agent.
 */
export interface Subject {
  /** The user whose share of queues and caches it counts to. */
  readonly credentials: { readonly uid: number }
  /** Says what changed since accept; undefined while it is the same. */
  changedSinceAccept(): string | undefined
}
