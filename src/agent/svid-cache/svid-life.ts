import type { Clock } from '../../foundation/clock.ts'

/** When an SVID may be used. */
export interface Life {
  /** By the wall clock. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** By the clock that never jumps: after this the SVID is over, whatever the wall clock says. */
  readonly overBootMs: number
}

/** The end on the clock that never jumps: nothing that was made before now lives longer than from now on for its whole life. */
export function overBootMs(life: Pick<Life, 'notBeforeMs' | 'notAfterMs'>, clock: Clock): number {
  return clock.bootMs() + life.notAfterMs - life.notBeforeMs
}

export function isValidAt({ notBeforeMs, notAfterMs }: Life, nowMs: number): boolean {
  return notBeforeMs <= nowMs && nowMs < notAfterMs
}

/** One that has ended by itself is over by both clocks after this: it was valid from a minute before it was made. */
const OVER_WITHIN_MS = 90_000

/** Not valid by the wall clock, and alive by the other. */
export function isClockInTheWay(life: Life, clock: Clock): boolean {
  if (isValidAt(life, clock.now().getTime())) return false
  return life.notBeforeMs > clock.now().getTime() || life.overBootMs - clock.bootMs() > OVER_WITHIN_MS
}

/**
 * What to keep of the SVIDs of one identity, newest first: the newest that is valid now; the one that becomes valid next; and the last that the
 * wall clock calls expired while the other clock does not. Either clock, this host's or the authority's, may have been wrong.
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
