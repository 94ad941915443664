import type { JoinMethod as AgentMethod } from '../../src/agent/join/join-method.ts'
import type { JoinMethod as AuthorityMethod } from '../../src/authority/join/join-method.ts'
import { signDetached, verifyDetached } from '../../src/crypto/jws.ts'
import { type KeyPair, parsePublicKey } from '../../src/crypto/keys.ts'
import type { Attributes } from '../../src/policy/attributes.ts'

/** The name of the fake method, which the configuration does not know. */
export const CHALLENGE = 'challenge'

/**
 * A join method that challenges the agent to sign with a known key. It does so twice, so that an
 * old answer cannot be replayed.
 */
export class ChallengingAuthority implements AuthorityMethod {
  attributes: Attributes = { key: { size: 256 }, groups: ['a', 'b'] }
  /** Thrown instead of a verdict. */
  failure: Error | undefined
  /** Awaited before the verdict. */
  meanwhile: () => Promise<void> = async () => undefined
  asked = 0
  readonly #known: Buffer

  constructor({ publicKeyDer }: Pick<KeyPair, 'publicKeyDer'>) {
    this.#known = publicKeyDer
  }

  readonly verify: AuthorityMethod['verify'] = async (_token, _proof, joining) => {
    if (this.failure) throw this.failure
    for (const challenge of [Buffer.from('first challenge'), Buffer.from('second challenge')]) {
      this.asked += 1
      const answer = await joining.challenge(challenge)
      const signed = joining.statementOf(challenge)
      if (!verifyDetached(parsePublicKey(this.#known), signed, answer)) return { refused: 'wrong_signature' }
    }
    await this.meanwhile()
    return { attributes: this.attributes }
  }
}

/** The agent's side of the method. */
export function challengedAgent(key: KeyPair): AgentMethod {
  return {
    load: async () => ({
      prove: () => Buffer.alloc(0),
      answer: (challenge, joining) => signDetached(key.privateKey, joining.statementOf(challenge)),
    }),
  }
}
