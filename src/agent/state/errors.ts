import { CodedError } from '../../foundation/errors.ts'

/** Another agent uses this data directory. */
export class AgentRunningError extends CodedError {
  override readonly name = 'AgentRunningError'
  readonly code = 'ERR_AGENT_RUNNING'
  readonly kind = 'already_exists'

  constructor(directory: string) {
    super(`another agent is running on ${directory}: stop it, or give this one a data_dir of its own`)
  }
}

/**
 * The saved state is damaged, or was written by another version. The error never contains what was
 * read, because it includes keys.
 */
export class StateUnreadableError extends CodedError {
  override readonly name = 'StateUnreadableError'
  readonly code = 'ERR_AGENT_STATE_UNREADABLE'
  readonly kind = 'failed_precondition'
}

/** The data of an earlier version cannot be moved to its new place. */
export class DataNotMovedError extends CodedError {
  override readonly name = 'DataNotMovedError'
  readonly code = 'ERR_AGENT_DATA_NOT_MOVED'
  readonly kind = 'failed_precondition'

  constructor(from: string, to: string, options: { readonly cause: unknown; readonly detail: string }) {
    super(
      `the data of this agent lies in ${from}, within that of the authority, and cannot be moved: mv ${from} ${to}, or set data_dir`,
      options,
    )
  }
}
