import type { JoinTokenSpec } from '../../config/join-methods/registry.ts'
import type { Attributes } from '../../policy/attributes.ts'

/** The join token that an agent names, as far as a method needs it. */
export interface NamedToken<Spec extends JoinTokenSpec = JoinTokenSpec> {
  readonly name: string
  readonly spec: Spec
  /** What the method keeps of the token beside its resource; see {@link JoinMethod.begin}. */
  readonly state: string
}

/** One join, as a method sees it. */
export interface Joining {
  readonly joinToken: string
  readonly trustDomain: string
  /**
   * SubjectPublicKeyInfo (DER) of the key that the bot certificate will certify. The agent has proven that it
   * holds it.
   */
  readonly publicKeyDer: Buffer
  /** Where the call came from. */
  readonly address: string
  /** Aborts when the agent is gone, or has had all the time that there is. */
  readonly signal: AbortSignal
  /** Sends a challenge and gives the agent's answer. */
  challenge(challenge: Buffer): Promise<Buffer>
  /** What the agent signs in place of a challenge. */
  statementOf(challenge: Buffer): Buffer
}

/** `attributes`: what was proven, as `join.<method>.*`. `refused`: the reason, for the audit log only. */
export type Verdict = { readonly attributes: Attributes } | { readonly refused: string }

/** One kind of proof. It may take its time over it: nothing is held meanwhile but the call. */
export interface JoinMethod<Spec extends JoinTokenSpec = JoinTokenSpec> {
  /**
   * For a token that was made just now: what is kept of it, and the secret, if there is one, that is shown
   * this once. Absent: nothing is.
   */
  begin?(): { readonly state: string; readonly secret: string }
  /**
   * Judges the first proof, and whatever it challenges the agent for. Without a token (there is none of that
   * name, or it asks for another method) it takes as long and asks as much as for any token, so that a
   * stranger learns nothing; the join is refused whatever it says.
   * @throws when it cannot say now
   */
  verify(token: NamedToken<Spec> | undefined, proof: Buffer, joining: Joining): Promise<Verdict> | Verdict
}

/** By their names. */
export type JoinMethods = ReadonlyMap<string, JoinMethod>
