import type { Lock__Output } from '../../rpc/gen/signet/v1/Lock.ts'

/** One lock, as received and as saved. */
export type LockRecord = Pick<
  Lock__Output,
  'workloadIdentity' | 'spiffeId' | 'bot' | 'botInstance' | 'joinToken' | 'expiresMs'
>

/**
 * The locks that concern this agent. A lock with an expiry also ends here while the authority is
 * unreachable.
 */
export class KnownLocks {
  readonly records: readonly LockRecord[]
  readonly #nowMs: () => number

  constructor(records: readonly LockRecord[], nowMs: () => number) {
    this.records = records
    this.#nowMs = nowMs
  }

  /** A sentence about a lock on this grant; undefined if there is none. */
  on(subject: { readonly workloadIdentity: string; readonly spiffeId: string }): string | undefined {
    if (this.records.length === 0) return undefined
    const lock = this.#standing().find(
      ({ workloadIdentity, spiffeId }) =>
        workloadIdentity === subject.workloadIdentity || spiffeId === subject.spiffeId,
    )
    return lock && `a lock on the ${lock.workloadIdentity === undefined ? 'SPIFFE ID' : 'workload identity'}`
  }

  /**
   * A sentence about a lock on this agent's bot. The authority sends only locks that concern this
   * agent, so any lock on a bot, an instance or a join token does.
   */
  get onBot(): string | undefined {
    for (const { bot, botInstance, joinToken } of this.#standing()) {
      if (bot !== undefined) return 'a lock on the bot of this agent'
      if (botInstance !== undefined) return 'a lock on this bot instance'
      if (joinToken !== undefined) return 'a lock on the join token that this agent joined by'
    }
    return undefined
  }

  #standing(): readonly LockRecord[] {
    return this.records.filter(
      ({ expiresMs }) => Number(expiresMs) === 0 || Number(expiresMs) > this.#nowMs(),
    )
  }
}
