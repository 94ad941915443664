import { randomBytes, randomFillSync } from 'node:crypto'

/** Where randomness comes from. Passed in, so that tests can repeat themselves. */
export interface Random {
  /** Cryptographically strong bytes. */
  bytes(length: number): Buffer
  /** A number in [0, 1), for jitter only. */
  fraction(): number
}

/** Drawn ahead: jitter needs few bytes, but often, and each draw is a call into the kernel. */
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
