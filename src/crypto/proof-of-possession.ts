import { hash, type KeyObject } from 'node:crypto'
import { signDetached, verifyDetached } from './jws.ts'
import { type KeyPair, parsePublicKey } from './keys.ts'

/**
 * What a proof is for. It is signed as a whole, so that a proof for one thing is worth nothing for another
 * (decision 0016).
 */
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

/** A challenge of the authority to whoever wants to join with a method that signs. */
export interface JoinChallenge {
  readonly trustDomain: string
  readonly joinToken: string
  readonly method: string
  readonly challenge: Buffer
}

/**
 * What a join method has signed, by whatever key, instead of the challenge alone: the answer is worth nothing
 * in another trust domain, for another token or method, or for a bot certificate of another key (decision
 * 0016).
 */
export function joinChallengeStatement(context: JoinChallenge, publicKeyDer: Buffer): Buffer {
  const { trustDomain, joinToken, method, challenge } = context
  return fieldsOf('join_challenge', trustDomain, publicKeyDer, [joinToken, method, challenge.toString('hex')])
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

function statement(context: ProofContext, publicKeyDer: Buffer): Buffer {
  const { purpose, trustDomain } = context
  const subject =
    context.purpose === 'join' ? [context.joinToken] : [context.botInstanceId, context.generation.toString()]
  return fieldsOf(purpose, trustDomain, publicKeyDer, subject)
}

/** Each field with its length before it: no two contexts give the same bytes. */
function fieldsOf(
  purpose: string,
  trustDomain: string,
  publicKeyDer: Buffer,
  subject: readonly string[],
): Buffer {
  const fields = [LABEL, purpose, trustDomain, hash('sha256', publicKeyDer, 'hex'), ...subject]
  return Buffer.concat(
    fields.flatMap((field) => {
      const bytes = Buffer.from(field)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
}
