import { type KeyType, keyTypeOf, parsePublicKey } from '../../crypto/keys.ts'
import { CodedError } from '../../foundation/errors.ts'

/** Why no certificate may be made for this key, or undefined: the agent made it, and another than its identity's is not what was meant. */
export function refusePublicKey(publicKey: Buffer, wanted: KeyType): string | undefined {
  try {
    const type = keyTypeOf(parsePublicKey(publicKey), publicKey)
    return type === wanted ? undefined : `public key: not of the type ${wanted}`
  } catch (error) {
    if (error instanceof CodedError) return `public key: ${error.publicMessage}`
    throw error
  }
}
