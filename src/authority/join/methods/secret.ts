import { hash, timingSafeEqual } from 'node:crypto'
import type { Random } from '../../../foundation/random.ts'
import type { JoinMethod } from '../join-method.ts'

const SECRET_BYTES = 32
const ANY_HASH = hashSecret(Buffer.alloc(0))

/**
 * The proof is the secret itself, over the channel of the authority that the agent has pinned. Only its hash
 * is kept (decision 0011): whoever loses it makes another.
 */
export function secretMethod({ random }: { readonly random: Random }): JoinMethod {
  return {
    begin: () => {
      const secret = random.bytes(SECRET_BYTES).toString('base64url')
      return { state: hashSecret(Buffer.from(secret)), secret }
    },
    verify: (token, proof) =>
      isSame(hashSecret(proof), token?.state ?? ANY_HASH) ? { attributes: {} } : { refused: 'wrong_secret' },
  }
}

/** 256 random bits need no slow hash. */
function hashSecret(secret: Buffer): string {
  return hash('sha256', secret, 'hex')
}

function isSame(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
