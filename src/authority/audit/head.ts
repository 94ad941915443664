import { hash, type KeyObject } from 'node:crypto'
import { signDetached, verifyDetached } from '../../crypto/jws.ts'
import type { ChainEnd } from './chain.ts'

/** A signed statement: at this time the log had so many rows, and the last one had this hash. */
export interface AuditHead {
  readonly sequence: number
  readonly hash: Buffer
  readonly timeMs: number
  /** The line in the file, which the next head covers by its hash: no head can be taken out of the middle. */
  readonly line: string
}

interface HeadFields {
  readonly v: 1
  readonly sequence: number
  readonly hash: string
  readonly time_ms: number
  readonly previous: string
}

/** Before the first head. */
export const NO_LINE = ''

const CONTEXT = 'signet audit head\n'

export function signHead(end: ChainEnd, timeMs: number, previousLine: string, key: KeyObject): AuditHead {
  const fields: HeadFields = {
    v: 1,
    sequence: end.sequence,
    hash: end.hash.toString('hex'),
    time_ms: timeMs,
    previous: hashLine(previousLine),
  }
  const signature = signDetached(key, signedText(fields)).toString('base64url')
  return { sequence: end.sequence, hash: end.hash, timeMs, line: JSON.stringify({ ...fields, signature }) }
}

/** Reads one line; undefined when it is not a head that this key signed after `previousLine` (after any, when that is not known). */
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
  return unverifiedHead(line)
}

/** What a line says, with its signature not looked at. */
export function unverifiedHead(line: string): AuditHead | undefined {
  const read = parse(line)
  if (!read) return undefined
  return { sequence: read.sequence, hash: Buffer.from(read.hash, 'hex'), timeMs: read.time_ms, line }
}

function parse(line: string): (HeadFields & { readonly signature: string }) | undefined {
  let read: Record<string, unknown> | null
  try {
    read = JSON.parse(line)
  } catch {
    return undefined // the caller reports the line
  }
  const { v, sequence, hash: rowHash, time_ms, previous, signature } = read ?? {}
  if (v !== 1 || typeof sequence !== 'number' || typeof rowHash !== 'string' || typeof time_ms !== 'number') {
    return undefined
  }
  if (typeof previous !== 'string' || typeof signature !== 'string') return undefined
  return { v, sequence, hash: rowHash, time_ms, previous, signature }
}

function signedText(fields: HeadFields): Buffer {
  return Buffer.from(CONTEXT + JSON.stringify(fields))
}

function hashLine(line: string): string {
  return hash('sha256', line, 'hex')
}
