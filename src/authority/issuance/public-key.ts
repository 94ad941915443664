import { type KeyType, keyTypeOf, parsePublicKey } from '../../crypto/keys.ts'
import { requireCoded } from '../../foundation/errors.ts'

/**
 * Why no certificate may be issued for this key; undefined when it may. The agent made the key, and
 * its type must be the one that the workload identity asks for.
 */
export function refusePublicKey(publicKey: Buffer, wanted: KeyType): string | undefined {
  try {
    const type = keyTypeOf(parsePublicKey(publicKey), publicKey)
    return type === wanted ? undefined : `public key: not of the type ${wanted}`
  } catch (error) {
    return `public key: ${requireCoded(error).publicMessage}`
  }
}
