import type { Clock } from '../../foundation/clock.ts'
import type { Random } from '../../foundation/random.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Actor } from '../audit/events.ts'
import { RevisionConflictError } from '../datastore/errors.ts'
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
import { loadSigningKeys, type NewSigningKey, type SigningKey, storeSigningKey } from './signing-key.ts'

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

/**
 * All signing keys, the same in memory as in the database. Each change is one transaction together
 * with its audit rows.
 */
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

  /** Carries out all steps or none. Only one call may run at a time. @throws RevisionConflictError */
  async carryOut(steps: readonly Step[], actor: Actor): Promise<void> {
    const created = new Map<Step, NewSigningKey>()
    for (const step of steps) if (step.do === 'create') created.set(step, await this.#create(step))
    this.#keys = await this.#change(async (tx) => {
      let keys = this.#keys
      for (const step of steps) {
        if (step.do === 'create') {
          const key = created.get(step)
          if (key) keys = [...keys, await this.#store(tx, key, actor)]
        } else {
          const key = keys.find(({ id }) => id === step.id)
          if (key) keys = await this.#write(tx, keys, step, key, actor)
        }
      }
      return keys
    })
  }

  /** Changes when a prepared key becomes active. @throws RevisionConflictError */
  async reschedule(key: SigningKey, activateMs: number, actor: Actor): Promise<void> {
    this.#keys = await this.#change(async (tx) => {
      const revision = await updateActivation(tx, key, activateMs)
      this.#deps.audit.within(tx, 'ca.rescheduled', actor, { ...subjectOf(key), activateMs })
      return this.#keys.map((k) => (k.id === key.id ? { ...k, activateMs, revision } : k))
    })
  }

  /** Runs a change. When another change came first, it also reads the keys again. */
  async #change(task: (tx: Transaction) => Promise<readonly SigningKey[]>): Promise<readonly SigningKey[]> {
    const { datastore, vault } = this.#deps
    try {
      return await datastore.transaction(task)
    } catch (error) {
      if (error instanceof RevisionConflictError) this.#keys = await loadSigningKeys(datastore, vault)
      throw error
    }
  }

  #create(step: Extract<Step, { do: 'create' }>): Promise<NewSigningKey> {
    const { clock, vault, lifetimes, random } = this.#deps
    const above = parentOf(step.line)
    const parent = above && this.find(above, 'active')
    const nowMs = clock.now().getTime()
    return createSigningKey(step, parent, nowMs, { trustDomain: vault.trustDomain, lifetimes, random })
  }

  async #store(tx: Transaction, key: NewSigningKey, actor: Actor): Promise<SigningKey> {
    const { audit, vault } = this.#deps
    const subject = subjectOf(key)
    const activate = key.activateMs === undefined ? {} : { activateMs: key.activateMs }
    audit.within(tx, 'ca.prepared', actor, { ...subject, ...activate })
    if (key.state === 'active') audit.within(tx, 'ca.activated', actor, subject)
    return storeSigningKey(tx, vault, key)
  }

  async #write(
    tx: Transaction,
    keys: readonly SigningKey[],
    step: Exclude<Step, { do: 'create' }>,
    key: SigningKey,
    actor: Actor,
  ): Promise<readonly SigningKey[]> {
    const { id } = key
    this.#deps.audit.within(tx, EVENT[step.do], actor, subjectOf(key))
    if (step.do === 'remove') {
      await deleteSigningKey(tx, key)
      return keys.filter((k) => k.id !== id)
    }
    const state = STATE[step.do]
    const revision = await updateSigningKeyState(tx, key, state)
    const privateKey = state === 'retired' ? undefined : key.privateKey
    return keys.map((k) => (k.id === id ? { ...k, state, privateKey, activateMs: undefined, revision } : k))
  }
}

function subjectOf(key: NewSigningKey) {
  const { purpose, id, keyId, notAfterMs } = key
  return { purpose, ...labelsOf(key), id, keyId, notAfter: Math.floor(notAfterMs / 1000) }
}
