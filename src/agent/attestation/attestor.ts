import { CodedError } from '../../foundation/errors.ts'
import type { Peer } from '../../peer/peer.ts'
import type { Attributes } from '../../policy/attributes.ts'

/** Whether a decision depends on the attribute at `path`, given the other attributes in `workload`. */
export type DependsOn = (path: string, workload: Attributes) => boolean

/** Determines the subtree `workload.<name>` of a live peer. */
export interface WorkloadAttestor {
  readonly name: string
  /**
   * Changes when attributes must be read again: others are wanted, or a source has changed. Must be
   * cheap.
   */
  edition(wanted: ReadonlySet<string>, peer: Peer): number
  /**
   * `wanted` has the dotted paths that rules use. A costly attribute that is not among them, or on
   * which nothing depends, may be left out.
   */
  attest(peer: Peer, wanted: ReadonlySet<string>, dependsOn?: DependsOn): Promise<Attributes> | Attributes
  /**
   * Says which of these facts a process has changed since they were read; undefined if none that is
   * wanted. Must be cheap.
   */
  changed?(peer: Peer, facts: Attributes, wanted: ReadonlySet<string>): string | undefined
}

/**
 * The agent could not determine the attributes of the caller. Callers get one generic message;
 * `reason` is for the log.
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
