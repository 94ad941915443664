import { CodedError } from '../../foundation/errors.ts'
import { NoIdentityError, SvidUnavailableError } from './errors.ts'

/** Why a caller gets no SVID. A refusal by the authority is final; other failures may be temporary. */
export function svidFailure(failures: readonly unknown[]): NoIdentityError | SvidUnavailableError {
  const cause = causeOf(failures)
  const isRefused = failures.every((each) => each instanceof CodedError && each.kind === 'permission_denied')
  return isRefused
    ? new NoIdentityError('refused_by_authority', { cause })
    : new SvidUnavailableError({ cause }, failures)
}

export function causeOf(failures: readonly unknown[]): unknown {
  return failures.length === 1 ? failures[0] : new AggregateError(failures)
}
