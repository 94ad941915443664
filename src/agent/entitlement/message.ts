import type { Grant } from '../../policy/compile.ts'
import type { CachedX509Svid } from '../svid-cache/x509-entry.ts'
import type { Delivered, Knowledge } from '../sync/knowledge.ts'
import type { LeftOut } from './left-out.ts'

/** A response, encoded once for all streams that get it (decision 0003). */
export interface Message {
  readonly bytes: Buffer
  /** After this it holds something expired and must not be sent. */
  readonly validUntilMs: number
  /** Before this, if the wall clock is set back, it holds something that is not valid yet. */
  readonly validFromMs: number
  /** SPIFFE IDs of the SVIDs in it; empty for bundles. */
  readonly spiffeIds: readonly string[]
  /** For the audit log; bundles are nobody's. */
  readonly delivered: Delivered | undefined
}

/** Whoever got the one need not be sent the other. */
export function isSameMessage(a: Message, b: Message): boolean {
  return a === b || (a.validUntilMs === b.validUntilMs && a.bytes.equals(b.bytes))
}

/** What a stream is about. */
export type MessageKind = 'x509_svid' | 'x509_bundles' | 'jwt_bundles'

export interface GrantedSvid {
  readonly grant: Grant
  readonly hint: string
  readonly svid: CachedX509Svid
}

/** How an API says what its callers have. Each is called once for all that have the same. */
export interface Encoders {
  x509Svids(granted: readonly GrantedSvid[], knowledge: Knowledge, leftOut: LeftOut): Message
  x509Bundles(grants: readonly Grant[], knowledge: Knowledge, leftOut: LeftOut): Message
  jwtBundles(grants: readonly Grant[], knowledge: Knowledge, leftOut: LeftOut): Message
}

/**
 * Clients receive at most 4 MiB a message (grpc-go, grpc-java, C-core and tonic alike); some room is left for what the
 * encoding adds.
 */
export const MAX_MESSAGE_SIZE = 4 * 1024 * 1024 - 64 * 1024
