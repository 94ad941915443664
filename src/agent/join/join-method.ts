import type { JoinSettings } from '../../config/join-methods/registry.ts'

/** One join attempt, as a method sees it. */
export interface Joining {
  readonly trustDomain: string
  readonly joinToken: string
  /** SubjectPublicKeyInfo (DER) of the key that the bot certificate will certify. */
  readonly publicKeyDer: Buffer
  /** Aborts when the agent stops. */
  readonly signal: AbortSignal
  /**
   * The statement to sign for a challenge. It also contains the context of the challenge, so that a
   * signature cannot be used elsewhere.
   */
  statementOf(challenge: Buffer): Buffer
}

/** Provides the proof of one join attempt. */
export interface Prover {
  /** Sent with the first message. */
  prove(joining: Joining): Promise<Buffer> | Buffer
  /** Answers a challenge of the authority. Absent if this method is never challenged. */
  answer?(challenge: Buffer, joining: Joining): Promise<Buffer> | Buffer
}

/** A join method: one kind of proof. */
export interface JoinMethod<Settings extends JoinSettings = JoinSettings> {
  /**
   * Reads the material of the proof, anew for each attempt. @throws if it is missing, before
   * anything is sent
   */
  load(settings: Settings, environment: NodeJS.ProcessEnv): Promise<Prover>
}

/** Join methods by name. */
export type JoinMethods = ReadonlyMap<string, JoinMethod>
