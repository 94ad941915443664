import type { KeyState } from '../datastore/schema/key-tables.ts'
import { isOf, type KeyLine } from './key-lines.ts'
import { PURPOSES } from './purposes.ts'

const DAY_MS = 86_400_000

/**
 * A key created this much later than now was created while the clock was wrong, unless the clock is
 * wrong now.
 */
const FUTURE_MS = 3_600_000

/** What the schedule needs to know about a key. */
export interface KeyLife extends KeyLine {
  readonly id: string
  readonly state: KeyState
  readonly parentId: string | undefined
  readonly createdMs: number
  readonly notAfterMs: number
  readonly activateMs: number | undefined
  /** Undefined once the key is retired: it will not sign again. */
  readonly privateKey: object | undefined
}

export type Step =
  | {
      readonly do: 'create'
      readonly line: KeyLine
      readonly state: 'prepared'
      readonly activateMs: number
    }
  | { readonly do: 'create'; readonly line: KeyLine; readonly state: 'active' }
  | { readonly do: 'activate' | 'retire' | 'end' | 'remove'; readonly id: string }

/** The successor is created at half of a key's life … */
export function prepareAt(life: Pick<KeyLife, 'createdMs' | 'notAfterMs'>): number {
  return life.createdMs + (life.notAfterMs - life.createdMs) / 2
}

/**
 * … is published from then on, and signs from two thirds on. The last third is left for what the old
 * key signed last.
 */
function handOverAt(life: KeyLife): number {
  return life.createdMs + ((life.notAfterMs - life.createdMs) * 2) / 3
}

/**
 * How long a key is published before it signs when a rotation is requested: clients that poll bundles
 * must see it first.
 */
export function publishMs(life: Pick<KeyLife, 'createdMs' | 'notAfterMs'>): number {
  return Math.min(DAY_MS, (life.notAfterMs - life.createdMs) / 6)
}

/** How long this key, or a successor of it, is published before it signs. */
export function publishedMs(key: KeyLife): number {
  const aheadMs = key.activateMs === undefined ? Number.POSITIVE_INFINITY : key.activateMs - key.createdMs
  return Math.min(publishMs(key), aheadMs)
}

/**
 * When a successor prepared now becomes active. If the authority was down for long, it is published
 * for half of the time that the active key has left.
 */
export function activateAt(active: KeyLife, nowMs: number): number {
  return Math.max(handOverAt(active), nowMs + publishWithin(active, nowMs))
}

function publishWithin(active: KeyLife, nowMs: number): number {
  return Math.min(publishMs(active), (active.notAfterMs - nowMs) / 2)
}

/**
 * Whether a key is of the same purpose but another algorithm. It can sign in place of a new line
 * until that line's first key has been published for long enough.
 */
function isBeside(key: KeyLine, { purpose, keyType }: KeyLine): boolean {
  return key.purpose === purpose && key.keyType !== keyType
}

/**
 * The steps that are due for one line; empty when there are none. Carrying them out and calling this
 * again ends after a few rounds, even if the authority was down for several lives of a key.
 * `parentId` is the key that must have signed the certificate, if any. A step that a wrong clock
 * caused loses nothing: a key that was ended early comes back when the time is right.
 */
export function dueSteps(
  line: KeyLine,
  keys: readonly KeyLife[],
  nowMs: number,
  parentId: string | undefined,
): Step[] {
  const mine = keys.filter((key) => isOf(key, line))
  const isOver = (key: KeyLife): boolean => key.notAfterMs <= nowMs
  const fits = (key: KeyLife): boolean => parentId === undefined || key.parentId === parentId
  // No certificate or token outlives its key, so nothing that the key signed is valid any more.
  const over = mine.filter((key) => isOver(key) && (key.state === 'prepared' || key.state === 'retired'))
  if (over.length > 0) return over.map(({ id }) => ({ do: 'end', id }))
  const active = mine.find((key) => key.state === 'active')
  const standIn = keys.find((key) => key.state === 'active' && isBeside(key, line) && !isOver(key))
  const signer = active ?? standIn
  const isStray = (key: KeyLife): boolean =>
    isFuture(key, nowMs) && signer !== undefined && !isFuture(signer, nowMs)
  const useless = mine.find((key) => key.state === 'prepared' && (!fits(key) || isStray(key)))
  if (useless) return [{ do: 'retire', id: useless.id }]
  const prepared = mine.find((key) => key.state === 'prepared')
  const endedEarly = mine.filter((key) => key.state === 'ended' && !isOver(key))
  const earlier = endedEarly.findLast((key) => key.privateKey !== undefined && fits(key))
  if (!active && !earlier && standIn) {
    if (endedEarly.length > 0) return endedEarly.map(({ id }) => ({ do: 'retire', id }))
    if (!prepared) {
      return [{ do: 'create', line, state: 'prepared', activateMs: nowMs + publishWithin(standIn, nowMs) }]
    }
    return nowMs < (prepared.activateMs ?? 0) ? [] : handOver(undefined, prepared)
  }
  if (!active || isOver(active) || !fits(active) || (earlier && isFuture(active, nowMs))) {
    const leave: Step[] = active ? [{ do: isOver(active) ? 'end' : 'retire', id: active.id }] : []
    const successor = earlier ?? prepared
    return [
      ...leave,
      successor ? { do: 'activate', id: successor.id } : { do: 'create', line, state: 'active' },
    ]
  }
  if (isFuture(active, nowMs) && keys.some((key) => isOlder(key, active, nowMs))) {
    return [
      { do: 'end', id: active.id },
      { do: 'create', line, state: 'active' },
    ]
  }
  if (endedEarly.length > 0) return endedEarly.map(({ id }) => ({ do: 'retire', id }))
  if (!prepared) {
    if (nowMs < prepareAt(active)) return []
    return [{ do: 'create', line, state: 'prepared', activateMs: activateAt(active, nowMs) }]
  }
  if (nowMs < (prepared.activateMs ?? 0)) return []
  return handOver(active, prepared)
}

/**
 * The steps that are due for keys whose line is no longer configured. They sign until every
 * configured line has an active key, and stay published until they expire.
 */
export function leavingSteps(wanted: readonly KeyLine[], keys: readonly KeyLife[], nowMs: number): Step[] {
  const isActive = (line: KeyLine): boolean =>
    keys.some((key) => isOf(key, line) && key.state === 'active' && key.notAfterMs > nowMs)
  return keys.flatMap(({ id, state, notAfterMs, ...key }): Step[] => {
    const beside = wanted.filter((line) => isBeside(key, line))
    if (beside.length === 0 || wanted.some((line) => isOf(key, line))) return []
    if (notAfterMs <= nowMs) return state === 'ended' ? [] : [{ do: 'end', id }]
    const isLeaving =
      state === 'prepared' || state === 'ended' || (state === 'active' && beside.every(isActive))
    return isLeaving ? [{ do: 'retire', id }] : []
  })
}

/**
 * Keys that nobody needs any more, provided that the clock is right. The caller makes sure of that
 * before it deletes them.
 */
export function unneededKeys<K extends KeyLife>(
  keys: readonly K[],
  nowMs: number,
  renewalGraceMs: number,
): K[] {
  return keys.filter((key) => {
    if (key.state === 'ended') {
      const graceMs = PURPOSES[key.purpose].isKeptForRenewals ? renewalGraceMs : 0
      return key.notAfterMs + graceMs <= nowMs
    }
    const active = keys.find(({ purpose, state }) => purpose === key.purpose && state === 'active')
    return key.state === 'retired' && isFuture(key, nowMs) && active !== undefined && !isFuture(active, nowMs)
  })
}

function isFuture(key: KeyLife, nowMs: number): boolean {
  return key.createdMs > nowMs + FUTURE_MS
}

/**
 * Whether a key is valid now and was created before the active one. If so, the active one was created
 * by a clock that was ahead, and what it signs is not valid yet.
 */
function isOlder(key: KeyLife, active: KeyLife, nowMs: number): boolean {
  return key !== active && key.createdMs <= nowMs && nowMs < key.notAfterMs
}

export function handOver(active: KeyLife | undefined, prepared: KeyLife): Step[] {
  const activate: Step = { do: 'activate', id: prepared.id }
  return active ? [{ do: 'retire', id: active.id }, activate] : [activate]
}

/** When the key's next step is due. */
export function nextChangeAt(key: KeyLife, hasSuccessor: boolean): number {
  if (key.state === 'prepared') return key.activateMs ?? key.notAfterMs
  if (key.state === 'active' && !hasSuccessor) return prepareAt(key)
  return key.notAfterMs
}
