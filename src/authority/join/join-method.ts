import type { JoinTokenSpec } from '../../config/join-methods/registry.ts'
import type { Attributes } from '../../policy/attributes.ts'

/** The join token that an agent names, as far as a join method needs it. */
export interface NamedToken<Spec extends JoinTokenSpec = JoinTokenSpec> {
  readonly name: string
  readonly spec: Spec
  /** What the method stored for the token; see {@link JoinMethod.begin}. */
  readonly state: string
}

/** One join, as its method sees it. */
export interface Joining {
  readonly joinToken: string
  readonly trustDomain: string
  /**
   * SubjectPublicKeyInfo (DER) of the key that the bot certificate will certify. The agent has proved
   * that it holds the private key.
   */
  readonly publicKeyDer: Buffer
  /** The remote address. */
  readonly address: string
  /** Aborts when the agent is gone or the call's time is up. */
  readonly signal: AbortSignal
  /** Sends a challenge and returns the agent's answer. */
  challenge(challenge: Buffer): Promise<Buffer>
  /** The bytes that the agent signs for a challenge. */
  statementOf(challenge: Buffer): Buffer
}

/**
 * `attributes`: what was proved, available as `join.<method>.*`. `refused`: the reason, for the audit
 * log only.
 */
export type Verdict = { readonly attributes: Attributes } | { readonly refused: string }

/** One kind of proof. It may take its time: only the call stays open meanwhile. */
export interface JoinMethod<Spec extends JoinTokenSpec = JoinTokenSpec> {
  /**
   * Called for a new token. Returns what to store for it and its secret, which is shown only once.
   * Absent when the method needs neither.
   */
  begin?(): { readonly state: string; readonly secret: string }
  /**
   * Judges the first proof, and the answers to any challenges. `token` is undefined when there is no
   * such token or it uses another method. The method then takes as long and asks as much as for a
   * real token, so that a stranger learns nothing; the join is refused in any case.
   *
   * @throws when it cannot decide now
   */
  verify(token: NamedToken<Spec> | undefined, proof: Buffer, joining: Joining): Promise<Verdict> | Verdict
}

/** The join methods by name. */
export type JoinMethods = ReadonlyMap<string, JoinMethod>
