import { randomBytes, randomFillSync } from 'node:crypto'

/** The source of randomness. It is passed in, so that tests are repeatable. */
export interface Random {
  /** Cryptographically strong bytes. */
  bytes(length: number): Buffer
  /** A number in [0, 1), for jitter only. */
  fraction(): number
}

/** A buffer of random bytes, because jitter needs few bytes often, and each draw is a system call. */
const ahead = Buffer.alloc(4096)
let used = ahead.length

export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  fraction: () => {
    if (used === ahead.length) {
      randomFillSync(ahead)
      used = 0
    }
    used += 4
    return ahead.readUInt32BE(used - 4) / 0x1_0000_0000
  },
}
