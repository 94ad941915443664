import type { KeyPurpose, KeyState } from '../datastore/schema/keys.ts'

const DAY_MS = 86_400_000

/** What the schedule needs to know of a key. */
export interface KeyLife {
  readonly id: string
  readonly purpose: KeyPurpose
  readonly state: KeyState
  readonly parentId: string | undefined
  readonly createdMs: number
  readonly notAfterMs: number
  readonly activateMs: number | undefined
}

export type Step =
  | {
      readonly do: 'create'
      readonly purpose: KeyPurpose
      readonly state: 'prepared'
      readonly activateMs: number
    }
  | { readonly do: 'create'; readonly purpose: KeyPurpose; readonly state: 'active' }
  | { readonly do: 'activate' | 'retire' | 'remove'; readonly id: string }

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

/** When a successor prepared now becomes active. After a pause half of what is left must do for publishing. */
export function activateAt(active: KeyLife, nowMs: number): number {
  return Math.max(handOverAt(active), nowMs + Math.min(publishMs(active), (active.notAfterMs - nowMs) / 2))
}

/**
 * What is due for one purpose; nothing when all is in order. Carrying the steps out and asking again ends after a few rounds, also when
 * the authority slept through several lives. `parentId`: the key whose certificate must stand above, if any.
 */
export function dueSteps(
  purpose: KeyPurpose,
  keys: readonly KeyLife[],
  nowMs: number,
  parentId: string | undefined,
): Step[] {
  const mine = keys.filter((key) => key.purpose === purpose)
  // Nothing outlives its CA, so at its own end the last thing it signed has expired too.
  const over = mine.filter((key) => key.notAfterMs <= nowMs)
  if (over.length > 0) return over.map(({ id }) => ({ do: 'remove', id }))
  const fits = (key: KeyLife): boolean => parentId === undefined || key.parentId === parentId
  const active = mine.find((key) => key.state === 'active')
  const orphan = mine.find((key) => key.state === 'prepared' && !fits(key))
  if (orphan) return [{ do: 'remove', id: orphan.id }]
  const prepared = mine.find((key) => key.state === 'prepared')
  if (!active || !fits(active)) {
    const retire: Step[] = active ? [{ do: 'retire', id: active.id }] : []
    return [
      ...retire,
      prepared ? { do: 'activate', id: prepared.id } : { do: 'create', purpose, state: 'active' },
    ]
  }
  if (!prepared) {
    if (nowMs < prepareAt(active)) return []
    return [{ do: 'create', purpose, state: 'prepared', activateMs: activateAt(active, nowMs) }]
  }
  if (nowMs < (prepared.activateMs ?? 0)) return []
  return handOver(active, prepared)
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
