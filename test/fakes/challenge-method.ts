import type { JoinMethod as AgentMethod } from '../../src/agent/join/join-method.ts'
import type { JoinMethod as AuthorityMethod } from '../../src/authority/join/join-method.ts'
import { signDetached, verifyDetached } from '../../src/crypto/jws.ts'
import { type KeyPair, parsePublicKey } from '../../src/crypto/keys.ts'
import type { Attributes } from '../../src/policy/attributes.ts'

/** What the agent is called by, as long as the configuration knows no such method. */
export const CHALLENGE = 'challenge'

/**
 * A method that challenges the agent to sign with a key that it knows; twice, so that an answer cannot be
 * kept for later.
 */
export class ChallengingAuthority implements AuthorityMethod {
  attributes: Attributes = { key: { size: 256 }, groups: ['a', 'b'] }
  /** Thrown in the place of a verdict. */
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

/** The agent's side of it. */
export function challengedAgent(key: KeyPair): AgentMethod {
  return {
    load: async () => ({
      prove: () => Buffer.alloc(0),
      answer: (challenge, joining) => signDetached(key.privateKey, joining.statementOf(challenge)),
    }),
  }
}
