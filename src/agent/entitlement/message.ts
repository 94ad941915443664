import type { Grant } from '../../policy/compile.ts'
import type { Delivered } from '../report/delivery-reporter.ts'
import type { CachedX509Svid } from '../svid-cache/x509-entry.ts'
import type { Knowledge } from '../sync/knowledge.ts'
import type { LeftOut } from './left-out.ts'

/** A response, encoded once for all streams that get it (decision 0003). */
export interface Message {
  readonly bytes: Buffer
  /** After this time the message contains something expired and must not be sent. */
  readonly validUntilMs: number
  /** Before this time (after the wall clock was set back) it contains something not yet valid. */
  readonly validFromMs: number
  /** The SPIFFE IDs of the SVIDs in the message; empty for bundles. */
  readonly spiffeIds: readonly string[]
  /** For the audit log; undefined for bundles, which belong to no workload. */
  readonly delivered: Delivered | undefined
}

/** Whether a client that got one message need not be sent the other. */
export function isSameMessage(a: Message, b: Message): boolean {
  return a === b || (a.validUntilMs === b.validUntilMs && a.bytes.equals(b.bytes))
}

/** What a stream delivers. */
export type MessageKind = 'x509_svid' | 'x509_bundles' | 'jwt_bundles'

export interface GrantedSvid {
  readonly grant: Grant
  readonly hint: string
  readonly svid: CachedX509Svid
}

/** Encodes responses for an API. Each is called once for all callers that share the response. */
export interface Encoders {
  x509Svids(granted: readonly GrantedSvid[], knowledge: Knowledge, leftOut: LeftOut): Message
  x509Bundles(grants: readonly Grant[], knowledge: Knowledge, leftOut: LeftOut): Message
  jwtBundles(grants: readonly Grant[], knowledge: Knowledge, leftOut: LeftOut): Message
}

/**
 * Clients accept at most 4 MiB per message (the default of grpc-go, grpc-java, C-core and tonic),
 * minus room for encoding overhead.
 */
export const MAX_MESSAGE_SIZE = 4 * 1024 * 1024 - 64 * 1024
