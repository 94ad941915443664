import { randomBytes } from 'node:crypto'

/** Where randomness comes from. Passed in, so that tests can repeat themselves. */
export interface Random {
  /** Cryptographically strong bytes. */
  bytes(length: number): Buffer
  /** A number in [0, 1), for jitter only. */
  fraction(): number
}

export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  fraction: () => randomBytes(4).readUInt32BE() / 0x1_0000_0000,
}
