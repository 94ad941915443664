import type { Clock } from '../../foundation/clock.ts'
import type { Random } from '../../foundation/random.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Actor } from '../audit/events.ts'
import type { Datastore, Transaction } from '../datastore/ports.ts'
import {
  deleteSigningKey,
  updateActivation,
  updateSigningKeyState,
} from '../datastore/signing-key-repository.ts'
import type { Vault } from '../datastore/vault.ts'
import { type CaLifetimes, createSigningKey } from './key-factory.ts'
import { isOf, type KeyLine, labelsOf, parentOf } from './key-lines.ts'
import type { Step } from './schedule.ts'
import { loadSigningKeys, type SigningKey, storeSigningKey } from './signing-key.ts'

export interface KeyRingDeps {
  readonly datastore: Datastore
  readonly vault: Vault
  readonly audit: AuditLog
  readonly lifetimes: CaLifetimes
  readonly clock: Clock
  readonly random: Random
}

const EVENT = {
  activate: 'ca.activated',
  retire: 'ca.retired',
  end: 'ca.ended',
  remove: 'ca.removed',
} as const
const STATE = { activate: 'active', retire: 'retired', end: 'ended' } as const

/** All signing keys, in memory as in the database. Each change is one transaction with the audit rows that tell of it. */
export class KeyRing {
  readonly #deps: KeyRingDeps
  #keys: readonly SigningKey[]

  private constructor(deps: KeyRingDeps, keys: readonly SigningKey[]) {
    this.#deps = deps
    this.#keys = keys
  }

  static async load(deps: KeyRingDeps): Promise<KeyRing> {
    return new KeyRing(deps, await loadSigningKeys(deps.datastore, deps.vault))
  }

  get keys(): readonly SigningKey[] {
    return this.#keys
  }

  find(line: KeyLine, state: SigningKey['state']): SigningKey | undefined {
    return this.#keys.find((key) => isOf(key, line) && key.state === state)
  }

  /** Carries the steps out, all or none. Only one call at a time. */
  async carryOut(steps: readonly Step[], actor: Actor): Promise<void> {
    const created = new Map<Step, SigningKey>()
    for (const step of steps) if (step.do === 'create') created.set(step, await this.#create(step))
    let keys = this.#keys
    await this.#deps.datastore.transaction(async (tx) => {
      for (const step of steps) {
        const changed = step.do === 'create' ? created.get(step) : keys.find(({ id }) => id === step.id)
        if (!changed) continue
        keys = await this.#write(tx, keys, step, changed, actor)
      }
    })
    this.#keys = keys
  }

  /** Lets a prepared key become active at another time. */
  async reschedule(key: SigningKey, activateMs: number, actor: Actor): Promise<void> {
    await this.#deps.datastore.transaction(async (tx) => {
      await updateActivation(tx, key.id, activateMs)
      this.#deps.audit.within(tx, 'ca.rescheduled', actor, { ...subjectOf(key), activateMs })
    })
    this.#keys = this.#keys.map((k) => (k.id === key.id ? { ...k, activateMs } : k))
  }

  #create(step: Extract<Step, { do: 'create' }>): Promise<SigningKey> {
    const { clock, vault, lifetimes, random } = this.#deps
    const above = parentOf(step.line)
    const parent = above && this.find(above, 'active')
    const nowMs = clock.now().getTime()
    return createSigningKey(step, parent, nowMs, { trustDomain: vault.trustDomain, lifetimes, random })
  }

  async #write(
    tx: Transaction,
    keys: readonly SigningKey[],
    step: Step,
    key: SigningKey,
    actor: Actor,
  ): Promise<readonly SigningKey[]> {
    const { audit, vault } = this.#deps
    const { id } = key
    const subject = subjectOf(key)
    if (step.do === 'create') {
      await storeSigningKey(tx, vault, key)
      const activate = key.activateMs === undefined ? {} : { activateMs: key.activateMs }
      audit.within(tx, 'ca.prepared', actor, { ...subject, ...activate })
      if (key.state === 'active') audit.within(tx, 'ca.activated', actor, subject)
      return [...keys, key]
    }
    audit.within(tx, EVENT[step.do], actor, subject)
    if (step.do === 'remove') {
      await deleteSigningKey(tx, id)
      return keys.filter((k) => k.id !== id)
    }
    const state = STATE[step.do]
    await updateSigningKeyState(tx, id, state)
    const privateKey = state === 'retired' ? undefined : key.privateKey
    return keys.map((k) => (k.id === id ? { ...k, state, privateKey, activateMs: undefined } : k))
  }
}

function subjectOf(key: SigningKey) {
  const { purpose, id, keyId, notAfterMs } = key
  return { purpose, ...labelsOf(key), id, keyId, notAfter: Math.floor(notAfterMs / 1000) }
}
