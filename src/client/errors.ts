import { CodedError } from '../foundation/errors.ts'

/** The address of the Workload API is not configured. */
export class EndpointUnknownError extends CodedError {
  override readonly name = 'EndpointUnknownError'
  readonly code = 'ERR_CLIENT_ENDPOINT_UNKNOWN'
  readonly kind = 'failed_precondition'
}

/** An update from the Workload API, or a part of it, cannot be used and was ignored. */
export class InvalidUpdateError extends CodedError {
  override readonly name = 'InvalidUpdateError'
  readonly code = 'ERR_CLIENT_UPDATE_INVALID'
  readonly kind = 'internal'

  constructor(detail: string, options?: ErrorOptions) {
    super('the Workload API sent an update that cannot be used', { ...options, detail })
  }
}

/** No SVID arrived before the timeout or the abort signal; `cause` is the last problem. */
export class SourceNotReadyError extends CodedError {
  override readonly name = 'SourceNotReadyError'
  readonly code = 'ERR_CLIENT_SOURCE_NOT_READY'
  readonly kind = 'unavailable'
}

/** Why a source has no SVID to present. */
type NoSvidReason = 'withdrawn' | 'expired' | 'not_picked' | 'closed'

/** There is no valid SVID at the moment. Expired SVIDs are never returned. */
export class NoSvidError extends CodedError {
  override readonly name = 'NoSvidError'
  readonly code = 'ERR_CLIENT_NO_SVID'
  readonly kind = 'unavailable'
  readonly reason: NoSvidReason

  constructor(reason: NoSvidReason, detail: string, options?: ErrorOptions) {
    super('there is no X.509-SVID', { ...options, detail })
    this.reason = reason
  }
}

/** Why a peer was refused. */
type PeerRefusal = 'no_certificate' | 'not_valid' | 'not_authorized'

/** The peer of a TLS connection has not proven an authorized SPIFFE ID. */
export class PeerRefusedError extends CodedError {
  override readonly name = 'PeerRefusedError'
  readonly code = 'ERR_CLIENT_PEER_REFUSED'
  readonly kind = 'permission_denied'
  readonly reason: PeerRefusal
  /** The peer's SPIFFE ID, if it was verified. */
  readonly peerId: string | undefined

  constructor(reason: PeerRefusal, detail: string, options?: ErrorOptions & { peerId?: string }) {
    super('the peer was refused', { ...options, detail })
    this.reason = reason
    this.peerId = options?.peerId
  }
}
