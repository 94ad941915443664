import type { Lock__Output } from '../../rpc/gen/signet/v1/Lock.ts'

/** One lock, as the authority sent it; kept over a restart in this form. */
export type LockRecord = Pick<
  Lock__Output,
  'workloadIdentity' | 'spiffeId' | 'bot' | 'botInstance' | 'joinToken' | 'expiresMs'
>

/** The locks that concern this agent. One that has a time to end ends here also while nobody is there to say so. */
export class KnownLocks {
  readonly records: readonly LockRecord[]
  readonly #nowMs: () => number

  constructor(records: readonly LockRecord[], nowMs: () => number) {
    this.records = records
    this.#nowMs = nowMs
  }

  isLocked(subject: { readonly workloadIdentity: string; readonly spiffeId: string }): boolean {
    if (this.records.length === 0) return false
    return this.#standing().some(
      ({ workloadIdentity, spiffeId }) =>
        workloadIdentity === subject.workloadIdentity || spiffeId === subject.spiffeId,
    )
  }

  /** The authority sends only locks that mean this agent: one on any bot, instance or token is one on ours. */
  get botLocked(): boolean {
    return this.#standing().some(
      ({ bot, botInstance, joinToken }) => (bot ?? botInstance ?? joinToken) !== undefined,
    )
  }

  #standing(): readonly LockRecord[] {
    return this.records.filter(
      ({ expiresMs }) => Number(expiresMs) === 0 || Number(expiresMs) > this.#nowMs(),
    )
  }
}
