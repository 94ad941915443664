import { hash, type KeyObject } from 'node:crypto'
import { signDetached, verifyDetached } from './jws.ts'
import { type KeyPair, parsePublicKey } from './keys.ts'

/**
 * What a proof is for. The key signs all of it, so that a proof cannot be reused for anything else
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

/**
 * Domain separation: a bot's key signs nothing else that begins with this. TLS 1.3 signatures begin
 * with 64 spaces (RFC 8446 §4.4.3).
 */
const LABEL = 'signet proof of possession v1'

/** Signs a proof that the holder of this key makes this request. */
export function proveSync(context: ProofContext, key: KeyPair): Buffer {
  return signDetached(key.privateKey, statement(context, key.publicKeyDer))
}

/** The authority's challenge to a client that joins with a method which signs. */
interface JoinChallenge {
  readonly trustDomain: string
  readonly joinToken: string
  readonly method: string
  readonly challenge: Buffer
}

/**
 * The bytes that a join method's key signs instead of the bare challenge. The answer is thus bound
 * to the trust domain, the join token, the method and the key of the bot certificate (decision
 * 0016).
 */
export function joinChallengeStatement(context: JoinChallenge, publicKeyDer: Buffer): Buffer {
  const { trustDomain, joinToken, method, challenge } = context
  return fieldsOf('join_challenge', trustDomain, publicKeyDer, [joinToken, method, challenge.toString('hex')])
}

/** Verifies a proof of this context by this key. Returns false also when the key is malformed. */
export function checkProof(context: ProofContext, publicKeyDer: Buffer, proof: Buffer): boolean {
  let key: KeyObject
  try {
    key = parsePublicKey(publicKeyDer)
  } catch {
    return false // a malformed key proves nothing; callers that need the reason parse it themselves
  }
  return verifyDetached(key, statement(context, publicKeyDer), proof)
}

function statement(context: ProofContext, publicKeyDer: Buffer): Buffer {
  const { purpose, trustDomain } = context
  const subject =
    context.purpose === 'join' ? [context.joinToken] : [context.botInstanceId, context.generation.toString()]
  return fieldsOf(purpose, trustDomain, publicKeyDer, subject)
}

/** Each field is preceded by its length, so that no two contexts give the same bytes. */
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
