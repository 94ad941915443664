/**
 * For whom identities are decided, kept renewed and delivered: a process that calls, or whatever else of this agent has some. A `Peer`
 * is one.
 */
export interface Subject {
  /** The user whose share of queues and caches it takes. */
  readonly credentials: { readonly uid: number }
  /** Why it is not the same any more; undefined while it is. */
  changedSinceAccept(): string | undefined
}
