import { compileMatch, type Match } from './match.ts'
import type { ProblemPath, Problems } from './problem.ts'

/** An empty list allows no audience. */
const NONE: Match = { wanted: 'none', test: () => false }

/**
 * `*` does not match these either, because they end the host of a URL: otherwise
 * `https://*.example` would match `https://evil?.example`.
 */
const GLOB_STOPS = '?#@\\'

/** The audiences for which a workload identity may obtain tokens, in the grammar of `match`. */
export class AllowedAudiences {
  /** The allowed audiences, as shown to operators. */
  readonly wanted: string
  readonly #match: Match

  private constructor(match: Match) {
    this.wanted = match.wanted
    this.#match = match
  }

  /** Adds a problem and returns undefined if the list breaks the grammar. */
  static compile(spec: unknown, path: ProblemPath, problems: Problems): AllowedAudiences | undefined {
    const isNone = Array.isArray(spec) && spec.length === 0
    const match = isNone ? NONE : compileMatch(spec, 'string', path, problems, { globStops: GLOB_STOPS })
    return match && new AllowedAudiences(match)
  }

  /**
   * Says which audience is not allowed, for the operator; undefined if all of them are. All must be
   * allowed, because the token carries every requested audience.
   */
  refusalOf(audiences: readonly string[]): string | undefined {
    const refused = audiences.find((audience) => !this.#match.test(audience))
    if (refused === undefined) return undefined
    return `the workload identity does not allow the audience ${JSON.stringify(refused)} (allowed: ${this.wanted})`
  }
}
