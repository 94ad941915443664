import { CodedError } from './errors.ts'

const UNIT_SECONDS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 } as const
type Unit = keyof typeof UNIT_SECONDS

/** The text is not a duration, that is a number with a unit such as 30m. */
export class InvalidDurationError extends CodedError {
  override readonly name = 'InvalidDurationError'
  readonly code = 'ERR_DURATION_INVALID'
  readonly kind = 'invalid_argument'
}

/**
 * Parses `250ms`, `90s`, `30m`, `8h` or `7d` into seconds. A number without a unit is refused,
 * because it is ambiguous.
 * @throws InvalidDurationError
 */
export function parseDuration(text: string): number {
  const [, digits, unit] = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text) ?? []
  if (digits === undefined || unit === undefined) {
    throw new InvalidDurationError('expected a duration with a unit, such as 90s, 30m, 8h or 7d')
  }
  return unit === 'ms' ? Number(digits) / 1000 : Number(digits) * UNIT_SECONDS[unit as Unit]
}

/** Formats seconds as the shortest text that `parseDuration` reads, with a single unit. */
export function formatDuration(seconds: number): string {
  if (!Number.isInteger(seconds)) return `${Math.round(seconds * 1000)}ms`
  if (seconds === 0) return '0s'
  for (const unit of ['d', 'h', 'm'] as const) {
    if (seconds % UNIT_SECONDS[unit] === 0) return `${seconds / UNIT_SECONDS[unit]}${unit}`
  }
  return `${seconds}s`
}
