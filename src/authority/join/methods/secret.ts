import { hash, timingSafeEqual } from 'node:crypto'
import type { Random } from '../../../foundation/random.ts'
import type { JoinMethod } from '../join-method.ts'

const SECRET_BYTES = 32
const ANY_HASH = hashSecret(Buffer.alloc(0))

/**
 * The `secret` method: the agent sends the secret itself, over TLS to the authority that it has
 * pinned. Only the hash is stored (decision 0011), so a lost secret cannot be shown again.
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

/** The secret has 256 random bits, so a fast hash is safe. */
function hashSecret(secret: Buffer): string {
  return hash('sha256', secret, 'hex')
}

function isSame(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
