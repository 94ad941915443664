import { CodedError } from '../../foundation/errors.ts'

/** The documents of a file cannot be applied; none of them was. */
export class ResourcesInvalidError extends CodedError {
  override readonly name = 'ResourcesInvalidError'
  readonly code = 'ERR_RESOURCES_INVALID'
  readonly kind = 'invalid_argument'
  /** Each begins with `file:line`. */
  readonly problems: readonly string[]

  /** Only because somebody else has changed the resources since. */
  readonly isOutdated: boolean

  constructor(problems: readonly string[], isOutdated = false) {
    super(problems.join('\n'), { lines: problems })
    this.problems = problems
    this.isOutdated = isOutdated
  }
}

/** The caller may not do this with this resource. */
export class ResourceForbiddenError extends CodedError {
  override readonly name = 'ResourceForbiddenError'
  readonly code = 'ERR_RESOURCE_FORBIDDEN'
  readonly kind = 'permission_denied'
}

/** There is no such resource. */
export class ResourceNotFoundError extends CodedError {
  override readonly name = 'ResourceNotFoundError'
  readonly code = 'ERR_RESOURCE_NOT_FOUND'
  readonly kind = 'not_found'
}

/** The resource exists already. */
export class ResourceExistsError extends CodedError {
  override readonly name = 'ResourceExistsError'
  readonly code = 'ERR_RESOURCE_EXISTS'
  readonly kind = 'already_exists'
}

/** The resource has changed since it was read. */
export class ResourceChangedError extends CodedError {
  override readonly name = 'ResourceChangedError'
  readonly code = 'ERR_RESOURCE_CHANGED'
  readonly kind = 'failed_precondition'
}

/** Other resources need this one. */
export class ResourceInUseError extends CodedError {
  override readonly name = 'ResourceInUseError'
  readonly code = 'ERR_RESOURCE_IN_USE'
  readonly kind = 'failed_precondition'
}

/** There is no such kind of resource. */
export class UnknownKindError extends CodedError {
  override readonly name = 'UnknownKindError'
  readonly code = 'ERR_RESOURCE_KIND_UNKNOWN'
  readonly kind = 'invalid_argument'
}
