import type { KeyObject } from 'node:crypto'
import { signDetached, verifyDetached } from '../../../crypto/jws.ts'
import type { KeyPair } from '../../../crypto/keys.ts'
import { CHAIN_START, type ChainEnd } from '../chain.ts'
import { headKeyId } from '../head.ts'

/**
 * A signed statement that rows `first` to `last` are in an archive and that the last of them has this
 * hash.
 */
export interface Checkpoint {
  readonly trustDomain: string
  readonly first: number
  readonly last: number
  /** The hash of the row before the first. */
  readonly previous: Buffer
  /** The hash of the last row. */
  readonly hash: Buffer
  readonly events: number
  readonly timeMs: number
  /** What was already wrong with these rows when they were archived. It must outlive them. */
  readonly problems: readonly string[]
  /** The signed line at the end of the archive. */
  readonly line: string
}

interface Fields {
  readonly v: 1
  readonly trust_domain: string
  readonly first: number
  readonly last: number
  readonly previous: string
  readonly hash: string
  readonly events: number
  readonly time_ms: number
  readonly problems: readonly string[]
  readonly key_id: string
}

const CONTEXT = 'signet audit archive\n'

export function signCheckpoint(
  of: Omit<Checkpoint, 'line'>,
  key: Pick<KeyPair, 'privateKey' | 'publicKeyDer'>,
): Checkpoint {
  const fields: Fields = {
    v: 1,
    trust_domain: of.trustDomain,
    first: of.first,
    last: of.last,
    previous: of.previous.toString('hex'),
    hash: of.hash.toString('hex'),
    events: of.events,
    time_ms: of.timeMs,
    problems: of.problems,
    key_id: headKeyId(key),
  }
  const signature = signDetached(key.privateKey, signedText(fields)).toString('base64url')
  return { ...of, line: JSON.stringify({ ...fields, signature }) }
}

/** Reads a checkpoint; undefined when this key did not sign it. */
export function readCheckpoint(line: string, publicKey: KeyObject): Checkpoint | undefined {
  const read = parse(line)
  if (!read) return undefined
  const { signature, ...fields } = read
  if (!verifyDetached(publicKey, signedText(fields), Buffer.from(signature, 'base64url'))) return undefined
  return {
    trustDomain: fields.trust_domain,
    first: fields.first,
    last: fields.last,
    previous: Buffer.from(fields.previous, 'hex'),
    hash: Buffer.from(fields.hash, 'hex'),
    events: fields.events,
    timeMs: fields.time_ms,
    problems: fields.problems,
    line,
  }
}

/** The last archived row, which the rows in the database follow. */
export function endOf(checkpoint: Checkpoint | undefined): ChainEnd {
  return checkpoint
    ? { sequence: checkpoint.last, hash: checkpoint.hash }
    : { sequence: 0, hash: CHAIN_START }
}

/**
 * Returns the members in the order in which they were signed, because the signature is over their
 * JSON text.
 */
function parse(line: string): (Fields & { readonly signature: string }) | undefined {
  let read: Partial<Record<keyof Fields | 'signature', unknown>> | null
  try {
    read = JSON.parse(line)
  } catch {
    return undefined // the caller reports it
  }
  const { v, trust_domain, first, last, previous, hash, events, time_ms, problems, key_id, signature } =
    read ?? {}
  const numbers = [first, last, events, time_ms]
  const texts = [trust_domain, previous, hash, key_id, signature]
  if (v !== 1 || !numbers.every(Number.isSafeInteger) || !texts.every((text) => typeof text === 'string')) {
    return undefined
  }
  if (!Array.isArray(problems) || !problems.every((problem) => typeof problem === 'string')) return undefined
  const members = {
    v,
    trust_domain,
    first,
    last,
    previous,
    hash,
    events,
    time_ms,
    problems,
    key_id,
    signature,
  }
  return members as Fields & { readonly signature: string }
}

function signedText(fields: Fields): Buffer {
  return Buffer.from(CONTEXT + JSON.stringify(fields))
}
