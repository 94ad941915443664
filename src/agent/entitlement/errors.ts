import { CodedError } from '../../foundation/errors.ts'
import { SvidNotValidNowError } from '../svid-cache/errors.ts'

/** Why a caller has no identity. For the operator, never for the caller. */
export type NoIdentityReason =
  | 'no_identity'
  | 'role_refuses'
  | 'locked'
  | 'bot_locked'
  | 'not_entitled'
  | 'audience_not_allowed'
  | 'refused_by_authority'

/**
 * The caller was attested, but the policy does not grant it an identity, or not the requested one
 * (decision 0009).
 */
export class NoIdentityError extends CodedError {
  override readonly name = 'NoIdentityError'
  readonly code = 'ERR_NO_IDENTITY_ISSUED'
  readonly kind = 'permission_denied'
  readonly reason: NoIdentityReason

  constructor(reason: NoIdentityReason, options?: ErrorOptions) {
    super('no identity issued', { ...options, detail: reason })
    this.reason = reason
  }
}

/** The agent has not synced yet. It can neither grant nor refuse identities. */
export class NotSyncedError extends CodedError {
  override readonly name = 'NotSyncedError'
  readonly code = 'ERR_AGENT_NOT_SYNCED'
  readonly kind = 'unavailable'

  constructor() {
    super('the agent is starting: it has not heard from its authority yet')
  }
}

/** The caller may have identities, but none of them has a valid SVID at the moment. */
export class SvidUnavailableError extends CodedError {
  override readonly name = 'SvidUnavailableError'
  readonly code = 'ERR_SVID_UNAVAILABLE'
  readonly kind = 'unavailable'

  /**
   * `failures` are the reasons. If the host's clock is the only one, the caller learns it, because
   * it is the caller's clock too.
   */
  constructor(options?: ErrorOptions, failures: readonly unknown[] = []) {
    const [first] = failures
    const isClock = failures.every((each) => each instanceof SvidNotValidNowError)
    const isOnlyClock = isClock && first instanceof SvidNotValidNowError
    super(isOnlyClock ? first.publicMessage : 'no SVID is available at the moment', options)
  }
}
