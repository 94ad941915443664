import { CROCKFORD, encodeCrockford } from './crockford.ts'
import type { Random } from './random.ts'

/** Creates a ULID (https://github.com/ulid/spec): 48 bits of time and 80 random bits. ULIDs sort by time. */
export function createUlid(nowMs: number, random: Random): string {
  // Ten characters hold 50 bits: two zero bits precede the time. Six bits after it are not encoded.
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(nowMs) << 14n)
  return encodeCrockford(time, 10) + encodeCrockford(random.bytes(10), 16)
}

/** The time in a ULID, in Unix milliseconds. */
export function ulidTimeMs(ulid: string): number {
  let ms = 0
  for (const character of ulid.slice(0, 10)) ms = ms * 32 + CROCKFORD.indexOf(character)
  return ms
}
