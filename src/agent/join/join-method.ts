import type { JoinSettings } from '../../config/join-methods/registry.ts'

/** One join, as a method sees it. */
export interface Joining {
  readonly trustDomain: string
  readonly joinToken: string
  /** SubjectPublicKeyInfo (DER) of the key that the bot certificate will certify. */
  readonly publicKeyDer: Buffer
  /** Aborts when the agent is stopped. */
  readonly signal: AbortSignal
  /** What is signed in place of a challenge: it also holds what the challenge is for. */
  statementOf(challenge: Buffer): Buffer
}

/** Brings the proof of one attempt to join. */
export interface Prover {
  /** Sent with the first message. */
  prove(joining: Joining): Promise<Buffer> | Buffer
  /** Answers a challenge of the authority. Absent: this method is never challenged. */
  answer?(challenge: Buffer, joining: Joining): Promise<Buffer> | Buffer
}

/** One kind of proof. */
export interface JoinMethod<Settings extends JoinSettings = JoinSettings> {
  /**
   * Reads what the proof is made of, anew for each attempt. @throws when it is not there, before anything is
   * sent
   */
  load(settings: Settings, environment: NodeJS.ProcessEnv): Promise<Prover>
}

/** By their names. */
export type JoinMethods = ReadonlyMap<string, JoinMethod>
