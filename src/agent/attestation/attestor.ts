import { CodedError } from '../../foundation/errors.ts'
import type { Peer } from '../../peer/peer.ts'
import type { Attributes } from '../../policy/attributes.ts'

/** Whether anything is decided by the attribute at `path`, given what else is known in `workload`. */
export type HangsOn = (path: string, workload: Attributes) => boolean

/** Turns facts about a live peer into the subtree `workload.<name>`. */
export interface WorkloadAttestor {
  readonly name: string
  /** Differs when facts read before no longer do: other ones are wanted, or where they come from has changed. Cheap. */
  edition(wanted: ReadonlySet<string>, peer: Peer): number
  /** `wanted` holds the dotted paths that some rule uses; what is costly and not in it, or decides nothing, may be left out. */
  attest(peer: Peer, wanted: ReadonlySet<string>, hangsOn?: HangsOn): Promise<Attributes> | Attributes
  /** What of these facts, which a process can change while it lives, is different by now; undefined: nothing that is wanted. Cheap. */
  changed?(peer: Peer, facts: Attributes, wanted: ReadonlySet<string>): string | undefined
}

/**
 * The agent could not establish the attributes of the caller. Callers get one generic sentence; `reason` is for
 * the log.
 */
export class AttestationFailedError extends CodedError {
  override readonly name = 'AttestationFailedError'
  readonly code = 'ERR_ATTESTATION_FAILED'
  readonly kind = 'unavailable'
  readonly reason: string

  constructor(reason: string, options?: ErrorOptions) {
    super('workload attestation failed', { ...options, detail: reason })
    this.reason = reason
  }
}

/** The calling process is no longer the one that connected. */
export class ProcessChangedError extends CodedError {
  override readonly name = 'ProcessChangedError'
  readonly code = 'ERR_PROCESS_CHANGED'
  readonly kind = 'unavailable'
  readonly reason: string

  constructor(reason: string) {
    super('workload attestation failed', { detail: `process changed: ${reason}` })
    this.reason = reason
  }
}
