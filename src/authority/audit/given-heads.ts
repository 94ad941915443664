import type { KeyPair } from '../../crypto/keys.ts'
import { formatInstant } from '../../foundation/instant.ts'
import { type AuditHead, headKeyId, readHead, unverifiedHead } from './head.ts'

export interface GivenHeads {
  /** The heads that this authority signed. */
  readonly heads: readonly AuditHead[]
  /** One sentence per problem. */
  readonly problems: readonly string[]
}

export const NONE_GIVEN: GivenHeads = { heads: [], problems: [] }

/**
 * Compares heads that were kept elsewhere (a journal, another host) with the heads file. Somebody who
 * can write to the data directory can truncate that file and the log together, but not the copies
 * elsewhere.
 */
export function checkGivenHeads(
  lines: readonly string[],
  own: readonly AuditHead[],
  key: Pick<KeyPair, 'publicKey' | 'publicKeyDer'>,
): GivenHeads {
  const heads = new Map<string, AuditHead>()
  const problems: string[] = []
  const foreign = new Set<string>()
  let unsigned = 0
  for (const line of lines) {
    const head = readHead(line, undefined, key.publicKey)
    if (head) heads.set(signedIdentity(head), head)
    else {
      const keyId = unverifiedHead(line)?.keyId
      if (keyId !== undefined && keyId !== headKeyId(key)) foreign.add(keyId)
      else unsigned++
    }
  }
  if (unsigned > 0) problems.push(`${unsigned} of the heads given are not signed by this authority`)
  for (const keyId of foreign) {
    problems.push(
      `heads given are signed by the key ${keyId}, this authority signs with ${headKeyId(key)}: they come from another authority, or the key was replaced`,
    )
  }
  const given = [...heads.values()].sort((a, b) => a.counter - b.counter || a.sequence - b.sequence)
  const problem = cutOrForked(given, own)
  if (problem !== undefined) problems.push(problem)
  return { heads: given, problems }
}

function signedIdentity({ counter, sequence, timeMs, hash }: AuditHead): string {
  return `${counter} ${sequence} ${timeMs} ${hash.toString('hex')}`
}

/** Compares counters only. Rows and hashes are compared where the rows are read. */
function cutOrForked(given: readonly AuditHead[], own: readonly AuditHead[]): string | undefined {
  const byCounter = new Map(own.map((head) => [head.counter, head]))
  for (const head of given) {
    const here = byCounter.get(head.counter)
    if (head.counter > 0 && here && signedIdentity(here) !== signedIdentity(head)) {
      return `head ${head.counter} was signed twice: an older copy of the data directory was restored before ${formatInstant(here.timeMs)}`
    }
  }
  const newest = given.at(-1)
  const last = own.at(-1)
  if (newest && newest.counter > (last?.counter ?? 0)) {
    return `the heads file ends with head ${last?.counter ?? 0}, but head ${newest.counter} was signed at ${formatInstant(newest.timeMs)}: the end of the file was cut, or an older copy was restored`
  }
  return undefined
}
