import type { Clock } from '../../foundation/clock.ts'

/** When an SVID may be used. */
export interface Life {
  /** By the wall clock. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** The end by the monotonic clock: after this the SVID has expired, whatever the wall clock says. */
  readonly overBootMs: number
}

/**
 * The latest possible end by the monotonic clock: an SVID that exists now lives at most its whole
 * life from now on.
 */
export function overBootMs(life: Pick<Life, 'notBeforeMs' | 'notAfterMs'>, clock: Clock): number {
  return clock.bootMs() + life.notAfterMs - life.notBeforeMs
}

export function isValidAt({ notBeforeMs, notAfterMs }: Life, nowMs: number): boolean {
  return notBeforeMs <= nowMs && nowMs < notAfterMs
}

/**
 * An SVID that expired normally is over by both clocks within this time: its notBefore is a minute
 * before it was issued.
 */
const OVER_WITHIN_MS = 90_000

/** Whether the SVID is not valid by the wall clock although it is alive by the monotonic clock. */
export function isClockInTheWay(life: Life, clock: Clock): boolean {
  if (isValidAt(life, clock.now().getTime())) return false
  return life.notBeforeMs > clock.now().getTime() || life.overBootMs - clock.bootMs() > OVER_WITHIN_MS
}

/**
 * Which SVIDs of one identity to keep: the newest that is valid now, the one that becomes valid
 * next, and the last one that has expired by the wall clock but not by the monotonic clock. This
 * host's clock or the authority's may have been wrong.
 */
export function worthKeeping<T>(
  newestFirst: readonly T[],
  lifeOf: (svid: T) => Life,
  clock: Clock,
): readonly T[] {
  const nowMs = clock.now().getTime()
  const bootMs = clock.bootMs()
  let valid: T | undefined
  let next: T | undefined
  let last: T | undefined
  for (const svid of newestFirst) {
    const life = lifeOf(svid)
    if (isValidAt(life, nowMs)) valid ??= svid
    else if (life.overBootMs <= bootMs) continue
    else if (life.notBeforeMs > nowMs) {
      if (next === undefined || life.notBeforeMs <= lifeOf(next).notBeforeMs) next = svid
    } else if (last === undefined || life.notAfterMs > lifeOf(last).notAfterMs) last = svid
  }
  return newestFirst.filter((svid) => svid === valid || svid === next || svid === last)
}
