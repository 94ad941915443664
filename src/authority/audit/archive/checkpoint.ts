import type { KeyObject } from 'node:crypto'
import { signDetached, verifyDetached } from '../../../crypto/jws.ts'
import type { KeyPair } from '../../../crypto/keys.ts'
import { CHAIN_START, type ChainEnd } from '../chain.ts'
import { headKeyId } from '../head.ts'

/** A signed statement: these rows of the log, of which the last has this hash, were put into an archive. */
export interface Checkpoint {
  readonly trustDomain: string
  readonly first: number
  readonly last: number
  /** Of the row before the first. */
  readonly previous: Buffer
  /** Of the last row. */
  readonly hash: Buffer
  readonly events: number
  readonly timeMs: number
  /** What was wrong with these rows already, so that it is not forgotten. */
  readonly problems: readonly string[]
  /** As it stands at the end of the archive. */
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

/** Reads a checkpoint; undefined when it is none that this key has signed. */
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

/** Where the log in the database begins: after what is in archives. */
export function endOf(checkpoint: Checkpoint | undefined): ChainEnd {
  return checkpoint
    ? { sequence: checkpoint.last, hash: checkpoint.hash }
    : { sequence: 0, hash: CHAIN_START }
}

/** The members in the order in which they are signed. */
function parse(line: string): (Fields & { readonly signature: string }) | undefined {
  let read: Partial<Record<keyof Fields | 'signature', unknown>> | null
  try {
    read = JSON.parse(line)
  } catch {
    return undefined // the caller says what it expected
  }
  const { v, trust_domain, first, last, previous, hash, events, time_ms, problems, key_id, signature } =
    read ?? {}
  const numbers = [first, last, events, time_ms]
  const texts = [trust_domain, previous, hash, key_id, signature]
  if (v !== 1 || !numbers.every(Number.isSafeInteger) || !texts.every((text) => typeof text === 'string')) {
    return undefined
  }
  if (!Array.isArray(problems) || !problems.every((problem) => typeof problem === 'string')) return undefined
  return {
    ...{ v, trust_domain, first, last, previous, hash, events, time_ms, problems, key_id, signature },
  } as Fields & { readonly signature: string }
}

function signedText(fields: Fields): Buffer {
  return Buffer.from(CONTEXT + JSON.stringify(fields))
}
