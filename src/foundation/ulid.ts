import { encodeCrockford } from './crockford.ts'
import type { Random } from './random.ts'

/** A ULID (https://github.com/ulid/spec): 48 bits of time, 80 random bits; sorts by the time it was made. */
export function createUlid(nowMs: number, random: Random): string {
  // Ten characters hold 50 bits: two zero bits come before the time, and six stay unread after it.
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(nowMs) << 14n)
  return encodeCrockford(time, 10) + encodeCrockford(random.bytes(10), 16)
}
