import type { RE2JS } from 're2js'
import { messageOf } from '../foundation/errors.ts'
import { LruMap } from '../foundation/lru-map.ts'
import { re2Library } from './libraries.ts'
import { ExpressionInvalidError } from './problem.ts'

const MAX_PATTERN_LENGTH = 1024
/**
 * The work is (instructions × characters); these two limits keep a match below about ten million
 * steps.
 */
const MAX_INSTRUCTIONS = 2000
const MAX_INPUT_LENGTH = 4096
const MAX_CACHED_PATTERNS = 1024

const cache = new LruMap<string, RE2JS>(MAX_CACHED_PATTERNS)

/** Compiles an RE2 pattern: no backtracking, linear time. @throws ExpressionInvalidError */
export function compileRegularExpression(pattern: string): RE2JS {
  const cached = cache.get(pattern)
  if (cached) return cached
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new ExpressionInvalidError(`a regular expression may have ${MAX_PATTERN_LENGTH} characters at most`)
  }
  let compiled: RE2JS
  try {
    compiled = re2Library().RE2JS.compile(pattern)
  } catch (cause) {
    throw new ExpressionInvalidError(`bad regular expression: ${messageOf(cause)}`, { cause })
  }
  if (compiled.programSize() > MAX_INSTRUCTIONS) {
    throw new ExpressionInvalidError('the regular expression is too large: write fewer repetitions')
  }
  cache.set(pattern, compiled)
  return compiled
}

/**
 * Whether the pattern matches anywhere in the text, as CEL defines `matches`. A text longer than
 * 4096 characters is an error, not a mismatch.
 */
export function matchesRegularExpression(text: string, pattern: string): boolean {
  if (text.length > MAX_INPUT_LENGTH) {
    throw new ExpressionInvalidError(`matches() accepts at most ${MAX_INPUT_LENGTH} characters`)
  }
  return compileRegularExpression(pattern).test(text)
}
