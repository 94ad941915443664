import { hash, type KeyObject } from 'node:crypto'
import { signDetached, verifyDetached } from '../../crypto/jws.ts'
import { type KeyPair, spkiSha256 } from '../../crypto/keys.ts'
import type { ChainEnd } from './chain.ts'

/** A signed statement: at this time the log ended with this row, which had this hash. */
export interface AuditHead {
  /** Counts all heads that this key has signed, from 1; 0 for a head signed before heads were counted. */
  readonly counter: number
  readonly sequence: number
  readonly hash: Buffer
  /** How many commits the database had made by then; undefined in heads older than that count. */
  readonly commits: number | undefined
  readonly timeMs: number
  /** Identifies the key that signed; undefined in heads older than the counter. */
  readonly keyId: string | undefined
  /** The line in the file. The next head covers its hash, so no head can be removed from the middle. */
  readonly line: string
}

interface HeadFields {
  readonly v: 1 | 2
  readonly counter?: number
  readonly sequence: number
  readonly hash: string
  readonly commits?: number
  readonly time_ms: number
  readonly previous: string
  readonly key_id?: string
}

type SignedFields = HeadFields & { readonly signature: string }

/** The line that the first head follows. */
export const NO_LINE = ''

const CONTEXT = 'signet audit head\n'

/** The state of the log that a head signs. */
export type HeadEnd = ChainEnd & { readonly commits?: number | undefined }

/** A short identifier of a head-signing key: the first 16 hex digits of its SPKI's SHA-256. */
export function headKeyId({ publicKeyDer }: Pick<KeyPair, 'publicKeyDer'>): string {
  return spkiSha256(publicKeyDer).slice(0, 16)
}

/** Signs the end of the chain as the next head after `previous`. */
export function signHead(
  end: HeadEnd,
  timeMs: number,
  previous: Pick<AuditHead, 'counter' | 'line'>,
  key: Pick<KeyPair, 'privateKey' | 'publicKeyDer'>,
): AuditHead {
  const fields: HeadFields = {
    v: 2,
    counter: previous.counter + 1,
    sequence: end.sequence,
    hash: end.hash.toString('hex'),
    ...(end.commits === undefined ? {} : { commits: end.commits }),
    time_ms: timeMs,
    previous: hashLine(previous.line),
    key_id: headKeyId(key),
  }
  const signature = signDetached(key.privateKey, signedText(fields)).toString('base64url')
  return toHead({ ...fields, signature })
}

/**
 * Reads one line; undefined when this key did not sign it as the successor of `previousLine` (any
 * predecessor if undefined).
 */
export function readHead(
  line: string,
  previousLine: string | undefined,
  publicKey: KeyObject,
): AuditHead | undefined {
  const read = parse(line)
  if (!read) return undefined
  const { signature, ...fields } = read
  if (previousLine !== undefined && fields.previous !== hashLine(previousLine)) return undefined
  if (!verifyDetached(publicKey, signedText(fields), Buffer.from(signature, 'base64url'))) return undefined
  return { ...toHead(read), line }
}

/** Reads a line without checking its signature. */
export function unverifiedHead(line: string): AuditHead | undefined {
  const read = parse(line)
  return read && { ...toHead(read), line }
}

/** The members of a head, for a log line. */
export function headMembers(head: AuditHead): object {
  return JSON.parse(head.line) as object
}

function toHead(read: SignedFields): AuditHead {
  return {
    counter: read.counter ?? 0,
    sequence: read.sequence,
    hash: Buffer.from(read.hash, 'hex'),
    commits: read.commits,
    timeMs: read.time_ms,
    keyId: read.key_id,
    line: JSON.stringify(read),
  }
}

/**
 * Picks the members of a head out of an object that may have others (a log line), in the order in
 * which they were signed.
 */
function parse(line: string): SignedFields | undefined {
  let read: Record<string, unknown> | null
  try {
    read = JSON.parse(line)
  } catch {
    return undefined // the caller reports the line
  }
  const { v, counter, sequence, hash: rowHash, commits, time_ms, previous, key_id, signature } = read ?? {}
  if (typeof sequence !== 'number' || typeof rowHash !== 'string' || typeof time_ms !== 'number') {
    return undefined
  }
  if (typeof previous !== 'string' || typeof signature !== 'string') return undefined
  if (v === 1) return { v, sequence, hash: rowHash, time_ms, previous, signature }
  if (v !== 2 || typeof counter !== 'number' || typeof key_id !== 'string') return undefined
  const counted = typeof commits === 'number' ? { commits } : {}
  return { v, counter, sequence, hash: rowHash, ...counted, time_ms, previous, key_id, signature }
}

function signedText(fields: HeadFields): Buffer {
  return Buffer.from(CONTEXT + JSON.stringify(fields))
}

function hashLine(line: string): string {
  return hash('sha256', line, 'hex')
}
