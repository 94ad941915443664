import { CodedError, messageOf } from '../foundation/errors.ts'

export type ProblemPath = readonly (string | number)[]

/** A mistake in a resource, and where it is in `spec`. */
export interface PolicyProblem {
  readonly path: ProblemPath
  readonly message: string
}

/** A resource is not valid. `problems` lists every mistake in it. */
export class PolicyInvalidError extends CodedError {
  override readonly name = 'PolicyInvalidError'
  readonly code = 'ERR_POLICY_INVALID'
  readonly kind = 'invalid_argument'
  readonly problems: readonly PolicyProblem[]

  constructor(what: string, problems: readonly PolicyProblem[]) {
    super(`${what}: ${problems.map(formatProblem).join('; ')}`)
    this.problems = problems
  }
}

/**
 * An expression, pattern or template cannot be compiled. Reported as a problem of the resource that
 * contains it.
 */
export class ExpressionInvalidError extends CodedError {
  override readonly name = 'ExpressionInvalidError'
  readonly code = 'ERR_POLICY_EXPRESSION_INVALID'
  readonly kind = 'invalid_argument'
}

/** Collects every mistake instead of stopping at the first. */
export class Problems {
  readonly list: PolicyProblem[] = []

  add(path: ProblemPath, message: string): void {
    this.list.push({ path, message })
  }

  /** Runs a step that may throw ExpressionInvalidError; its text becomes a problem at `path`. */
  attempt<T>(path: ProblemPath, step: () => T): T | undefined {
    try {
      return step()
    } catch (thrown) {
      if (!(thrown instanceof ExpressionInvalidError)) throw thrown
      this.add(path, messageOf(thrown))
      return undefined
    }
  }

  /** Reports every key of `value` that is not in `known`. */
  unknownKeys(path: ProblemPath, value: object, known: readonly string[]): void {
    for (const key of Object.keys(value)) {
      if (!known.includes(key)) this.add([...path, key], `unknown key (known: ${known.join(', ')})`)
    }
  }
}

function formatProblem(problem: PolicyProblem): string {
  return problem.path.length === 0 ? problem.message : `${problem.path.join('.')}: ${problem.message}`
}

/** Whether the value is a YAML mapping. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
