import { hash, type KeyObject } from 'node:crypto'
import { signDetached, verifyDetached } from './jws.ts'
import { type KeyPair, parsePublicKey } from './keys.ts'

/** What a proof is for. It is signed as a whole, so that a proof for one thing is worth nothing for another (decision 0016). */
export type ProofContext =
  | { readonly purpose: 'join'; readonly trustDomain: string; readonly joinToken: string }
  | {
      readonly purpose: 'renew'
      readonly trustDomain: string
      readonly botInstanceId: string
      readonly generation: number
    }

/** Nothing else that a bot's key signs begins like this: TLS 1.3 begins with 64 spaces (RFC 8446 §4.4.3). */
const LABEL = 'signet proof of possession v1'

/** Proves that the holder of this key asks for this. */
export function proveSync(context: ProofContext, key: KeyPair): Buffer {
  return signDetached(key.privateKey, statement(context, key.publicKeyDer))
}

/** False for anything but a proof of this context by this key; also when that is no key. */
export function checkProof(context: ProofContext, publicKeyDer: Buffer, proof: Buffer): boolean {
  let key: KeyObject
  try {
    key = parsePublicKey(publicKeyDer)
  } catch {
    return false // what is no key proves nothing; whoever wants to know why has parsed it before
  }
  return verifyDetached(key, statement(context, publicKeyDer), proof)
}

/** Each field with its length before it: no two contexts give the same bytes. */
function statement(context: ProofContext, publicKeyDer: Buffer): Buffer {
  const fields = [LABEL, context.purpose, context.trustDomain, hash('sha256', publicKeyDer, 'hex')]
  if (context.purpose === 'join') fields.push(context.joinToken)
  else fields.push(context.botInstanceId, context.generation.toString())
  return Buffer.concat(
    fields.flatMap((field) => {
      const bytes = Buffer.from(field)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
}
