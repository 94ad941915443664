import type { KeyType } from '../../crypto/keys.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { CachedJwtSvid } from './jwt-issue.ts'
import type { CachedX509Svid, X509Entry } from './x509-entry.ts'

/** What an agent keeps, sealed, to serve from after a restart. Plain JSON; holds private keys. */
export interface SvidSnapshot {
  readonly version: 1
  readonly x509: readonly X509Record[]
  readonly jwt: readonly JwtRecord[]
}

interface X509Record extends Omit<CachedX509Svid, 'chainDer' | 'keyDer'> {
  readonly key: string
  readonly workloadIdentity: string
  readonly revision: string
  /** Absent in what an earlier version kept, which had one type only. */
  readonly keyType?: KeyType
  readonly workloadAttributes: Attributes
  /** Base64. */
  readonly chain: string
  readonly privateKey: string
}

interface JwtRecord extends CachedJwtSvid {
  readonly key: string
}

export function formatX509(entry: Readonly<X509Entry> & { readonly svid: CachedX509Svid }): X509Record {
  const { chainDer, keyDer, ...rest } = entry.svid
  const { workloadIdentity, revision, keyType, workloadAttributes } = entry.claim
  return {
    key: entry.key,
    workloadIdentity,
    revision,
    keyType,
    workloadAttributes,
    chain: chainDer.toString('base64'),
    privateKey: keyDer.toString('base64'),
    ...rest,
  }
}

export function parseX509(record: X509Record): CachedX509Svid {
  const { spiffeId, serial, signedBy, receivedMs, notAfterMs, renewAtMs } = record
  return {
    spiffeId,
    chainDer: Buffer.from(record.chain, 'base64'),
    keyDer: Buffer.from(record.privateKey, 'base64'),
    serial,
    signedBy,
    receivedMs,
    notAfterMs,
    renewAtMs,
  }
}

/** Undefined for what another version of this program wrote: it is then fetched anew. */
export function readSnapshot(snapshot: unknown): SvidSnapshot | undefined {
  const found = snapshot as Partial<SvidSnapshot> | null | undefined
  const isOurs = found?.version === 1 && Array.isArray(found.x509) && Array.isArray(found.jwt)
  return isOurs ? (found as SvidSnapshot) : undefined
}
