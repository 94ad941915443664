import type { Clock } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import { LruMap } from '../../foundation/lru-map.ts'
import { Watchable } from '../../foundation/watchable.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { RefusedError } from '../audit/errors.ts'
import { type RowSum, SummedRows } from '../audit/summed-rows.ts'
import { RevisionConflictError } from '../datastore/errors.ts'
import { deleteInstance, findInstance, loadInstances, setUsed } from '../datastore/instance-repository.ts'
import type { Datastore, Transaction } from '../datastore/ports.ts'
import type { ResourceRepository } from '../datastore/resource-repository.ts'
import { OverForLong } from '../over-for-long.ts'
import {
  afterFirstUse,
  type BotInstance,
  type InstanceState,
  judge,
  toInstanceState,
} from './bot-instance.ts'
import { BotCertificateExpiredError, GenerationAheadError } from './errors.ts'
import { lockInstance } from './lock-instance.ts'
import type { LockSubject, Locks } from './locks.ts'
import type { LogGaps } from './log-gaps.ts'

/** What the client certificate of a connection says. All calls on a connection share the same object. */
export interface ShownCertificate {
  readonly bot: string
  readonly instanceId: string
  readonly generation: number
  readonly keySha256: string
  /** Seconds since 1970. */
  readonly notAfter: number
  /** The remote address of the connection, for the audit log. */
  readonly address: string
}

interface BotsDeps {
  readonly datastore: Datastore
  readonly resources: ResourceRepository
  readonly locks: Locks
  readonly gaps: LogGaps
  readonly audit: AuditLog
  readonly clock: Clock
  readonly logger: Logger
  /** How long after its expiry a bot certificate may still be renewed. */
  readonly renewalGraceSeconds: number
}

type InstanceRefusal = RefusedError | GenerationAheadError
/** A locked bot may `sync`: it is sent its lock and nothing else, and so it hears when that is lifted. */
type CallPurpose = 'call' | 'sync' | 'renewal'

/** How long an instance is kept after it can no longer be renewed, because the wall clock may be wrong. */
const KEPT_MS = 86_400_000

const EVENT = { call: 'bot.refused', sync: 'bot.refused', renewal: 'renewal.refused' } as const
const MORE = { call: 'bot.refused_more', sync: 'bot.refused_more', renewal: 'renewal.refused_more' } as const
/** Rows per instance for refusals. A locked instance may keep asking on new connections. */
const ROWS = { burst: 50, perSecond: 0.1 }
/**
 * An instance that is refused tries again for as long as it exists. The same refusal gets one row in
 * this time, and its reference stays the same.
 */
const SAME_REFUSAL_MS = 3_600_000
const MAX_REMEMBERED = 10_000

/** All joined instances. They are kept in memory because every call is checked against them. */
export class Bots implements AsyncDisposable {
  /** Changes with every change of an instance. Open calls then check whether they may stay. */
  readonly changed = new Watchable(0)
  readonly #deps: BotsDeps
  readonly #instances = new Map<string, InstanceState>()
  readonly #subscription: Disposable
  readonly #over: OverForLong
  readonly #rows: SummedRows
  /**
   * Connections whose certificate was once accepted. When it is superseded later, that does not prove
   * a copy.
   */
  readonly #accepted = new WeakSet<ShownCertificate>()
  /**
   * The last refusal of each connection. It is recorded once per state of the instance, however often
   * the caller asks.
   */
  readonly #refusals = new WeakMap<
    ShownCertificate,
    { state: InstanceState | undefined; reason: string; error: InstanceRefusal }
  >()

  /** The last refusal of each instance, for those that try again on new connections. */
  readonly #lately = new LruMap<
    string,
    { readonly sameAs: string; readonly error: InstanceRefusal; readonly ms: number }
  >(MAX_REMEMBERED)

  /** Bots deleted while this authority ran, or before and not created again by its start. */
  readonly #deletedBots: Set<string>

  private constructor(deps: BotsDeps, instances: readonly InstanceState[], deletedBots: Set<string>) {
    this.#deps = deps
    this.#deletedBots = deletedBots
    this.#over = new OverForLong(deps.clock)
    this.#rows = new SummedRows(deps, ROWS)
    for (const instance of instances) this.#instances.set(instance.id, instance)
    this.#subscription = deps.resources.subscribe((changes) => {
      const gone = new Set(changes.flatMap((c) => (c.kind === 'bot' && !c.after ? [c.name] : [])))
      if (gone.size === 0) return
      for (const name of gone) this.#deletedBots.add(name)
      for (const { id, bot } of this.#instances.values()) if (gone.has(bot)) this.#instances.delete(id)
      this.#bump()
    })
  }

  static async open(deps: BotsDeps): Promise<Bots> {
    const stored = await loadInstances(deps.datastore)
    const deleted = await deps.resources.deletedBots()
    const bots = new Bots(deps, stored.map(toInstanceState), deleted)
    await bots.forgetExpired()
    return bots
  }

  /**
   * Returns the calling instance if its certificate is valid for this purpose now. Marks the first
   * use of a generation, which becomes durable before anything recorded after it. A locked instance
   * marks nothing: its caller may be the thief, whose generation would then be the current one.
   * @throws RefusedError when the instance is unknown or locked, the certificate is superseded (which
   * locks the instance), or, for a renewal, the grace time is over
   * @throws GenerationAheadError when the database was restored from an older backup
   * @throws BotCertificateExpiredError when a call other than a renewal comes after expiry
   */
  use(caller: ShownCertificate, purpose: CallPurpose = 'call'): BotInstance {
    const state = this.#instances.get(caller.instanceId)
    if (!state || state.bot !== caller.bot) throw this.#refuseUnknown(caller, state, purpose)
    const isLocked = this.#deps.locks.check(lockSubject(state)) !== undefined
    if (isLocked) {
      const refusal = this.#refuse(caller, state, 'locked', purpose)
      if (purpose !== 'sync') throw refusal
      this.#checkGrace(caller, state, purpose)
    } else this.#checkExpiry(caller, state, purpose)
    switch (judge(state, caller)) {
      case 'current':
        this.#accepted.add(caller)
        return state
      case 'first_use':
        if (isLocked) return state
        this.#accepted.add(caller)
        return this.#markUsed(state)
      case 'superseded':
        throw this.#refuseSuperseded(caller, state, purpose)
      case 'ahead':
        throw this.#refuse(caller, state, 'restored_authority', purpose)
    }
  }

  /** Whether an open call may go on. Unlike `use`, it marks, records and locks nothing. */
  mayStay(caller: ShownCertificate): boolean {
    const state = this.#instances.get(caller.instanceId)
    if (state?.bot !== caller.bot || this.#deps.locks.check(lockSubject(state))) return false
    const standing = judge(state, caller)
    return standing === 'current' || standing === 'first_use'
  }

  get(instanceId: string): BotInstance | undefined {
    return this.#instances.get(instanceId)
  }

  list(bot?: string): BotInstance[] {
    const all = [...this.#instances.values()]
    return bot === undefined ? all : all.filter((instance) => instance.bot === bot)
  }

  /** Puts what the transaction wrote about an instance into memory once it is durable. */
  async adopt(tx: Transaction, instanceId: string): Promise<void> {
    const rows = await findInstance(tx, instanceId)
    tx.afterCommit(() => {
      if (rows) this.#instances.set(instanceId, toInstanceState(rows))
      else this.#instances.delete(instanceId)
      this.#bump()
    })
  }

  /** Reads an instance from the database again. */
  reload(instanceId: string): Promise<void> {
    return this.#deps.datastore.transaction((tx) => this.adopt(tx, instanceId))
  }

  /**
   * Deletes instances whose last certificate can no longer be renewed, one day after that was first
   * noticed.
   */
  async forgetExpired(): Promise<void> {
    const { datastore, audit, clock, renewalGraceSeconds } = this.#deps
    const limitMs = clock.now().getTime() - renewalGraceSeconds * 1000
    const expired = this.list().filter(({ notAfterMs }) => notAfterMs < limitMs)
    const dead = this.#over.note(expired.map((instance) => ({ ...instance, lifeMs: KEPT_MS })))
    if (dead.length === 0) return
    await datastore.transaction(async (tx) => {
      for (const { id, bot } of dead) {
        const stored = await findInstance(tx, id)
        // It may have been renewed meanwhile.
        if (stored && stored.instance.not_after_ms < limitMs) {
          await deleteInstance(tx, stored.instance)
          const notAfter = Math.floor(stored.instance.not_after_ms / 1000)
          audit.within(tx, 'bot_instance.forgotten', 'authority', { bot, botInstance: id, notAfter })
        }
        await this.adopt(tx, id)
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription[Symbol.dispose]()
    await this.#rows[Symbol.asyncDispose]()
  }

  /** Records a refusal that comes after `use` succeeded, in the same way. */
  refuse(caller: ShownCertificate, reason: string, purpose: CallPurpose): Error {
    return this.#refuse(caller, this.#instances.get(caller.instanceId), reason, purpose)
  }

  #checkExpiry(caller: ShownCertificate, state: InstanceState, purpose: CallPurpose): void {
    if (this.#deps.clock.now().getTime() / 1000 <= caller.notAfter) return
    if (purpose !== 'call') this.#checkGrace(caller, state, purpose)
    if (purpose !== 'renewal')
      throw new BotCertificateExpiredError('the bot certificate has expired: renew it first')
  }

  #checkGrace(caller: ShownCertificate, state: InstanceState, purpose: CallPurpose): void {
    const nowSeconds = this.#deps.clock.now().getTime() / 1000
    if (nowSeconds <= caller.notAfter + this.#deps.renewalGraceSeconds) return
    throw this.#refuse(caller, state, 'grace_over', purpose)
  }

  #markUsed(state: InstanceState): InstanceState {
    const { clock, logger } = this.#deps
    const pending = state.pending
    if (!pending) return state
    const used = afterFirstUse(state)
    this.#instances.set(state.id, used)
    this.#bump()
    this.#write(state.id, async (tx) => {
      await setUsed(tx, state, pending, clock.now().getTime())
      await this.adopt(tx, state.id)
    }).catch((error) => {
      // Nothing recorded since has been answered, so it is as if the certificate had not been used.
      // The next call tries again.
      if (this.#instances.get(state.id) === used) this.#instances.set(state.id, state)
      logger.error(
        { instance: state.id, error: messageOf(error) },
        'cannot note the first use of a generation',
      )
    })
    return used
  }

  /** Runs a write. When another change came first, it also reads the instance again. */
  async #write(id: string, task: (tx: Transaction) => Promise<void>): Promise<void> {
    try {
      await this.#deps.datastore.transaction(task)
    } catch (error) {
      if (error instanceof RevisionConflictError) await this.reload(id)
      throw error
    }
  }

  /**
   * After the restore of an older database, agents that joined since are as unknown as those of a
   * deleted bot. Theirs is no withdrawal: they keep what they hold until it expires.
   */
  #refuseUnknown(
    caller: ShownCertificate,
    state: InstanceState | undefined,
    purpose: CallPurpose,
  ): InstanceRefusal {
    const { locks, gaps } = this.#deps
    const { bot, instanceId: botInstance } = caller
    if (locks.check({ bot, botInstance })) return this.#refuse(caller, state, 'locked', purpose)
    const isLost = !state && gaps.cover(botInstance) && !this.#deletedBots.has(bot)
    return this.#refuse(caller, state, isLost ? 'restored_authority' : 'unknown_instance', purpose)
  }

  #refuseSuperseded(caller: ShownCertificate, state: InstanceState, purpose: CallPurpose): InstanceRefusal {
    if (this.#accepted.has(caller)) return this.#refuse(caller, state, 'superseded_connection', purpose)
    const reason = 'superseded_certificate'
    const known = this.#refusals.get(caller)
    if (known?.state === state && known.reason === reason) return known.error
    const refusal = this.#refuse(caller, state, reason, purpose)
    lockInstance(this.#deps, state, caller, refusal.reference)
    return refusal
  }

  #refuse(
    caller: ShownCertificate,
    state: InstanceState | undefined,
    reason: string,
    purpose: CallPurpose,
  ): InstanceRefusal {
    const known = this.#refusals.get(caller)
    if (known && known.state === state && known.reason === reason) return known.error
    const { audit, logger, clock } = this.#deps
    const { bot, instanceId: botInstance } = caller
    const subject = { bot, botInstance }
    const { address } = caller
    const detail = { ...subject, generation: caller.generation, reason, address }
    const actor = `bot:${bot}/${botInstance}`
    const lately = this.#lately.get(`${purpose} ${botInstance}`)
    const sameAs = JSON.stringify([detail, caller.keySha256])
    if (lately?.sameAs === sameAs && clock.monotonicMs() - lately.ms < SAME_REFUSAL_MS) {
      this.#refusals.set(caller, { state, reason, error: lately.error })
      return lately.error
    }
    const { reference, entry } = this.#rows.note({
      key: `${purpose} ${botInstance}`,
      reason,
      entry: (ref) => ({ event: EVENT[purpose], actor, ref, detail }),
      summed: (sum, ref) => this.#summed(purpose, subject, sum, ref),
    })
    const error =
      reason === 'restored_authority'
        ? new GenerationAheadError(reference)
        : new RefusedError(reference, reason)
    this.#refusals.set(caller, { state, reason, error })
    if (entry) {
      this.#lately.set(`${purpose} ${botInstance}`, { sameAs, error, ms: clock.monotonicMs() })
      logger.warn({ event: EVENT[purpose], ref: reference, ...detail }, 'bot refused')
      audit.recordAll([entry]).catch((failure) => {
        // The caller is refused even if the row cannot be stored. The log has it.
        logger.error({ ref: reference, error: messageOf(failure) }, 'cannot record a refusal')
      })
    }
    return error
  }

  #summed(
    purpose: CallPurpose,
    subject: { readonly bot: string; readonly botInstance: string },
    sum: RowSum,
    ref: string,
  ) {
    const detail = { ...subject, ...sum }
    this.#deps.logger.warn(
      { event: MORE[purpose], ref, ...detail },
      'more refusals of a bot, counted together',
    )
    return { event: MORE[purpose], actor: `bot:${subject.bot}/${subject.botInstance}`, ref, detail }
  }

  #bump(): void {
    this.changed.set(this.changed.value + 1)
  }
}

function lockSubject(instance: Pick<BotInstance, 'id' | 'bot' | 'joinToken'>): LockSubject {
  return { bot: instance.bot, botInstance: instance.id, joinToken: instance.joinToken }
}
