import { ExpressionInvalidError } from './problem.ts'

const MAX_GLOB_LENGTH = 1024
/** Longer values match nothing, which bounds the work by (glob × value) steps. */
const MAX_VALUE_LENGTH = 4096

interface GlobOptions {
  readonly separator?: '/' | '.'
  /** Characters that `*` does not match, besides the separator. */
  readonly stops?: string
}

/**
 * A glob: `*` matches any characters within one segment (between separators); `**` alone in a
 * segment matches any number of segments, including none. Matching backtracks to the last wildcard
 * only, so its cost cannot explode.
 */
export class Glob {
  readonly text: string
  readonly #segments: readonly string[]
  readonly #separator: string
  readonly #stops: string

  private constructor(text: string, { separator = '/', stops = '' }: GlobOptions) {
    this.text = text
    this.#separator = separator
    this.#stops = stops
    this.#segments = text.split(separator)
  }

  static compile(text: string, options: GlobOptions = {}): Glob {
    const { separator = '/' } = options
    if (text === '') throw new ExpressionInvalidError('a glob must not be empty')
    if (text.length > MAX_GLOB_LENGTH) {
      throw new ExpressionInvalidError(`a glob may have ${MAX_GLOB_LENGTH} characters at most`)
    }
    for (const segment of text.split(separator)) {
      if (segment.includes('**') && segment !== '**') {
        throw new ExpressionInvalidError('"**" must stand alone between slashes; within a segment write "*"')
      }
    }
    return new Glob(text, options)
  }

  matches(value: string): boolean {
    if (value.length > MAX_VALUE_LENGTH) return false
    const wanted = this.#segments
    const found = value.split(this.#separator)
    let w = 0
    let f = 0
    let retryW = -1
    let retryF = 0
    while (f < found.length) {
      const segment = wanted[w]
      if (segment === '**') {
        retryW = w
        retryF = f
        w += 1
      } else if (segment !== undefined && segmentMatches(segment, found[f] as string, this.#stops)) {
        w += 1
        f += 1
      } else if (retryW >= 0) {
        w = retryW + 1
        retryF += 1
        f = retryF
      } else {
        return false
      }
    }
    while (wanted[w] === '**') w += 1
    return w === wanted.length
  }
}

function segmentMatches(pattern: string, text: string, stops: string): boolean {
  if (!pattern.includes('*')) return pattern === text
  let p = 0
  let t = 0
  let retryP = -1
  let retryT = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      retryP = p
      retryT = t
      p += 1
    } else if (pattern[p] === text[t]) {
      p += 1
      t += 1
    } else if (retryP >= 0 && !stops.includes(text[retryT] as string)) {
      p = retryP + 1
      retryT += 1
      t = retryT
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p += 1
  return p === pattern.length
}
