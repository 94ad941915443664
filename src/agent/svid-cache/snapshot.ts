import type { KeyType } from '../../crypto/keys.ts'
import type { Clock } from '../../foundation/clock.ts'
import { ownBytes } from '../../foundation/own-bytes.ts'
import type { Attributes } from '../../policy/attributes.ts'
import { parseJwtSvid } from '../../spiffe/jwt-svid.ts'
import { type CachedJwtSvid, jtiOf } from './jwt-issue.ts'
import type { IdentityClaim } from './svid-issuer.ts'
import { overBootMs } from './svid-life.ts'
import type { CachedX509Svid, X509Entry } from './x509-entry.ts'

/**
 * The SVIDs that an agent saves, sealed, to serve after a restart (decision 0005). Plain JSON, with
 * private keys.
 */
export interface SvidSnapshot {
  readonly version: 1
  readonly x509: readonly X509Record[]
  readonly jwt: readonly JwtRecord[]
}

interface X509Record extends Omit<CachedX509Svid, 'chainDer' | 'keyDer' | 'notBeforeMs' | 'overBootMs'> {
  readonly key: string
  readonly workloadIdentity: string
  readonly revision: string
  /** Absent in snapshots of earlier versions, which had one type only. */
  readonly keyType?: KeyType
  /** The attributes of the process for which it was last requested. */
  readonly workloadAttributes: Attributes
  /** When it was last requested. Absent in snapshots of earlier versions. */
  readonly askedMs?: number
  /** Absent in snapshots of earlier versions. */
  readonly notBeforeMs?: number
  /** Base64. */
  readonly chain: string
  readonly privateKey: string
}

interface JwtRecord extends Omit<CachedJwtSvid, 'notBeforeMs' | 'overBootMs' | 'jti'> {
  /** Absent in snapshots of earlier versions. */
  readonly notBeforeMs?: number
  readonly key: string
  /** The user whose share of the cache it is in. Absent in snapshots of earlier versions. */
  readonly uid?: number
}

export function formatX509(entry: Readonly<X509Entry>, svid: CachedX509Svid): X509Record {
  const { chainDer, keyDer, overBootMs: _ofThisBoot, ...rest } = svid
  const { workloadIdentity, revision, keyType, workloadAttributes, asked } = entry.claim
  return {
    key: entry.key,
    workloadIdentity,
    revision,
    keyType,
    workloadAttributes,
    askedMs: asked.askedMs,
    chain: chainDer.toString('base64'),
    privateKey: keyDer.toString('base64'),
    ...rest,
  }
}

export function parseX509(record: X509Record, clock: Clock): CachedX509Svid {
  const { spiffeId, serial, signedBy, receivedMs, notAfterMs, renewAtMs } = record
  const chainDer = ownBytes(Buffer.from(record.chain, 'base64'))
  const life = { notBeforeMs: record.notBeforeMs ?? receivedMs, notAfterMs }
  return {
    spiffeId,
    chainDer,
    keyDer: ownBytes(Buffer.from(record.privateKey, 'base64')),
    serial,
    signedBy,
    ...life,
    overBootMs: overBootMs(life, clock),
    receivedMs,
    renewAtMs,
  }
}

export function parseClaim(record: X509Record): IdentityClaim {
  const { workloadIdentity, revision, spiffeId, keyType = 'ec-p256', workloadAttributes } = record
  const asked = { occasion: 'renewal', holders: 0, askedMs: record.askedMs ?? record.receivedMs } as const
  return { workloadIdentity, revision, spiffeId, keyType, workloadAttributes, asked }
}

export function formatJwt(key: string, svid: CachedJwtSvid, uid: number): JwtRecord {
  const { overBootMs: _ofThisBoot, jti: _inTheToken, ...rest } = svid
  return { key, uid, ...rest }
}

export function parseJwt({ key: _key, uid: _uid, ...record }: JwtRecord, clock: Clock): CachedJwtSvid {
  const life = { notBeforeMs: record.notBeforeMs ?? record.receivedMs, notAfterMs: record.expiresAtMs }
  const jti = jtiOf(parseJwtSvid(record.token))
  return { ...record, jti, notBeforeMs: life.notBeforeMs, overBootMs: overBootMs(life, clock) }
}

/** Undefined for a snapshot of another format; the SVIDs are then fetched again. */
export function readSnapshot(snapshot: unknown): SvidSnapshot | undefined {
  const found = snapshot as Partial<SvidSnapshot> | null | undefined
  const isOurs = found?.version === 1 && Array.isArray(found.x509) && Array.isArray(found.jwt)
  return isOurs ? (found as SvidSnapshot) : undefined
}
