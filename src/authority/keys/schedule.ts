import type { KeyState } from '../datastore/schema/key-tables.ts'
import { isOf, type KeyLine } from './key-lines.ts'
import { PURPOSES } from './purposes.ts'

const DAY_MS = 86_400_000

/** A key made so much later than now was made while the clock was wrong, or it is wrong now. */
const FUTURE_MS = 3_600_000

/** What the schedule needs to know of a key. */
export interface KeyLife extends KeyLine {
  readonly id: string
  readonly state: KeyState
  readonly parentId: string | undefined
  readonly createdMs: number
  readonly notAfterMs: number
  readonly activateMs: number | undefined
  /** Gone once the key is retired: it will not sign again. */
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

/** The successor is made at half of a key's life … */
export function prepareAt(life: Pick<KeyLife, 'createdMs' | 'notAfterMs'>): number {
  return life.createdMs + (life.notAfterMs - life.createdMs) / 2
}

/** … and, published since then, signs from two thirds on: a third of the life is left for what the old key signed last. */
function handOverAt(life: KeyLife): number {
  return life.createdMs + ((life.notAfterMs - life.createdMs) * 2) / 3
}

/** How long a key is published before it signs, when somebody asks for a rotation: those who poll bundles must see it first. */
export function publishMs(life: Pick<KeyLife, 'createdMs' | 'notAfterMs'>): number {
  return Math.min(DAY_MS, (life.notAfterMs - life.createdMs) / 6)
}

/** How long this key, or one that will succeed it, is published before it signs. */
export function publishedMs(key: KeyLife): number {
  const aheadMs = key.activateMs === undefined ? Number.POSITIVE_INFINITY : key.activateMs - key.createdMs
  return Math.min(publishMs(key), aheadMs)
}

/** When a successor prepared now becomes active. After a pause half of what is left must do for publishing. */
export function activateAt(active: KeyLife, nowMs: number): number {
  return Math.max(handOverAt(active), nowMs + publishWithin(active, nowMs))
}

function publishWithin(active: KeyLife, nowMs: number): number {
  return Math.min(publishMs(active), (active.notAfterMs - nowMs) / 2)
}

/** A key of the same purpose that signs with another algorithm: it can stand in while a new line is published for the first time. */
function isBeside(key: KeyLine, { purpose, keyType }: KeyLine): boolean {
  return key.purpose === purpose && key.keyType !== keyType
}

/**
 * What is due for one line; nothing when all is in order. Carrying the steps out and asking again ends after a few rounds, also when
 * the authority slept through several lives. `parentId`: the key whose certificate must stand above, if any. Nothing is lost by a step
 * that a wrong clock has led to: what it ended early comes back with the right time.
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
  // Nothing outlives its CA, so at its own end the last thing it signed has expired too.
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
 * What is due for keys whose line is not wanted any more: they sign until every line that is wanted has an active key, and are published
 * until their own end.
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
 * Keys that nobody needs any more, if the clock is right: whoever deletes them makes sure of that first.
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
 * A key, of any purpose, whose life the present lies in, and which came before the active one, shows that this one was made by a clock that was ahead: what it signs is
 * valid for nobody yet.
 */
function isOlder(key: KeyLife, active: KeyLife, nowMs: number): boolean {
  return key !== active && key.createdMs <= nowMs && nowMs < key.notAfterMs
}

export function handOver(active: KeyLife | undefined, prepared: KeyLife): Step[] {
  const activate: Step = { do: 'activate', id: prepared.id }
  return active ? [{ do: 'retire', id: active.id }, activate] : [activate]
}

/** When this key's next step comes. */
export function nextChangeAt(key: KeyLife, hasSuccessor: boolean): number {
  if (key.state === 'prepared') return key.activateMs ?? key.notAfterMs
  if (key.state === 'active' && !hasSuccessor) return prepareAt(key)
  return key.notAfterMs
}
