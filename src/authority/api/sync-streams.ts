import type { Clock } from '../../foundation/clock.ts'
import type { InstanceConnections } from '../bots/instance-connections.ts'
import type { UsedTwice } from '../bots/used-twice.ts'
import type { BotCaller } from '../caller.ts'
import { ReplacedByNewerError } from '../errors.ts'
import { RateLimiter } from '../rate-limiter.ts'

interface SyncStreamsDeps {
  readonly connections: Pick<InstanceConnections, 'answers'>
  readonly usedTwice: Pick<UsedTwice, 'note'>
  readonly clock: Clock
}

interface Open {
  readonly caller: BotCaller
  /** The signal of its call. */
  readonly signal: AbortSignal
  readonly replaced: AbortController
}

/** Each stream begins with a snapshot, which may be long. */
const OPENED = { burst: 30, perSecond: 0.5, maxKeys: 100_000 }

/** The sync stream of each connected instance. An instance has one: a newer stream ends the older one. */
export class SyncStreams {
  readonly #deps: SyncStreamsDeps
  readonly #opened: RateLimiter
  readonly #open = new Map<string, Open>()

  constructor(deps: SyncStreamsDeps) {
    this.#deps = deps
    this.#opened = new RateLimiter(OPENED, deps.clock)
  }

  has(instanceId: string): boolean {
    return this.#open.has(instanceId)
  }

  get size(): number {
    return this.#open.size
  }

  /**
   * Registers a stream. `replaced` aborts, with the reason, when this stream must end. @throws
   * RateLimitedError
   */
  open(caller: BotCaller, signal: AbortSignal): { readonly replaced: AbortSignal } & Disposable {
    const { instanceId } = caller
    this.#opened.take(instanceId)
    const own = { caller, signal, replaced: new AbortController() }
    const older = this.#open.get(instanceId)
    this.#open.set(instanceId, own)
    if (older) void this.#replace(older, caller)
    return {
      replaced: own.replaced.signal,
      [Symbol.dispose]: () => {
        if (this.#open.get(instanceId) === own) this.#open.delete(instanceId)
      },
    }
  }

  /**
   * Ends the older stream. Two streams on one connection mean that the certificate is in use twice,
   * unless the agent ended the older one just after opening the newer; so the older call gets time to
   * end. Streams on two connections are compared in InstanceConnections.
   */
  async #replace(older: Open, caller: BotCaller): Promise<void> {
    const isOnOne = older.caller === caller
    if (isOnOne && (await this.#deps.connections.answers(caller)) && !older.signal.aborted)
      this.#deps.usedTwice.note(older.caller, caller, 'two_streams')
    older.replaced.abort(new ReplacedByNewerError('a newer sync stream of this bot has taken its place'))
  }
}
