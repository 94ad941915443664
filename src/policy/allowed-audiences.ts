import { compileMatch, type Match } from './match.ts'
import type { ProblemPath, Problems } from './problem.ts'

/** No audience at all: what an empty list says. */
const NONE: Match = { wanted: 'none', test: () => false }

/** Behind these a URL is about something else: `*` ends there as it does at a slash, lest `https://*.example` match `https://evil?.example`. */
const GLOB_STOPS = '?#@\\'

/** The audiences for which tokens of a workload identity may be had, in the grammar of `match`. */
export class AllowedAudiences {
  /** For people. */
  readonly wanted: string
  readonly #match: Match

  private constructor(match: Match) {
    this.wanted = match.wanted
    this.#match = match
  }

  /** Undefined (and a problem) when it breaks the grammar. */
  static compile(spec: unknown, path: ProblemPath, problems: Problems): AllowedAudiences | undefined {
    const isNone = Array.isArray(spec) && spec.length === 0
    const match = isNone ? NONE : compileMatch(spec, 'string', path, problems, { globStops: GLOB_STOPS })
    return match && new AllowedAudiences(match)
  }

  /** The first that may not be had, as a reason for the operator; undefined when all of them may: a token carries what was asked for. */
  refusalOf(audiences: readonly string[]): string | undefined {
    const refused = audiences.find((audience) => !this.#match.test(audience))
    if (refused === undefined) return undefined
    return `the workload identity does not allow the audience ${JSON.stringify(refused)} (allowed: ${this.wanted})`
  }
}
