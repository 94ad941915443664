/**
 * How many bytes of requests and answers may be held: on one connection, for one caller on all of its connections,
 * and in all (decision 0020).
 */
export interface ByteLimits {
  readonly connection: number
  readonly caller: number
  readonly total: number
}

/** Whatever holds bytes that came from a peer, and can be made to let go of them. */
export interface ByteHolder {
  /** What would be free if it went. */
  readonly looseBytes: number
  evict(): void
}

export interface ByteBudgetOptions {
  readonly limits: ByteLimits
  /** Told when holders had to go: whose they were, and how many. */
  readonly onEviction: (key: unknown, holders: number) => void
}

/** Of each limit so much stays: the search for the biggest is made for many evictions at once, not for each. */
const KEPT = 0.75

interface Caller {
  readonly key: unknown
  readonly accounts: Set<ByteAccount>
  held: number
}

/**
 * Counts the bytes that peers make this program hold: requests that are not complete, and those that are not handled yet. Beyond a limit
 * the biggest holders go first: of the connection, of the caller, and in all of the caller who holds most. So whoever floods loses his own calls.
 */
export class ByteBudget {
  readonly #limits: ByteLimits
  readonly #onEviction: ByteBudgetOptions['onEviction']
  readonly #callers = new Map<unknown, Caller>()
  #held = 0
  #isEvicting = false

  constructor({ limits, onEviction }: ByteBudgetOptions) {
    this.#limits = limits
    this.#onEviction = onEviction
  }

  get held(): number {
    return this.#held
  }

  /** For one connection of this caller. */
  open(key: unknown, holders: () => Iterable<ByteHolder>): ByteAccount {
    let caller = this.#callers.get(key)
    if (caller === undefined) {
      caller = { key, accounts: new Set(), held: 0 }
      this.#callers.set(key, caller)
    }
    const account = new ByteAccount(this, caller, holders)
    caller.accounts.add(account)
    return account
  }

  /** Called by accounts. */
  add(account: ByteAccount, bytes: number): void {
    const { caller } = account
    account.held += bytes
    caller.held += bytes
    this.#held += bytes
    if (bytes <= 0) {
      if (account.isClosed && account.held === 0) this.#forget(account)
      return
    }
    const { connection, caller: perCaller, total } = this.#limits
    const isOver = account.held > connection || caller.held > perCaller || this.#held > total
    if (isOver && !this.#isEvicting) this.#makeRoom(account)
  }

  /** Called by accounts. Whether nobody would have to go for so much more. */
  hasRoomFor(account: ByteAccount, bytes: number): boolean {
    const { connection, caller: perCaller, total } = this.#limits
    const { held, caller } = account
    return held + bytes <= connection && caller.held + bytes <= perCaller && this.#held + bytes <= total
  }

  /** Called by accounts. What is held still is counted until it is released. */
  close(account: ByteAccount): void {
    if (account.held === 0) this.#forget(account)
  }

  #forget(account: ByteAccount): void {
    const { caller } = account
    caller.accounts.delete(account)
    if (caller.accounts.size === 0) this.#callers.delete(caller.key)
  }

  #makeRoom(account: ByteAccount): void {
    const { connection, caller: perCaller, total } = this.#limits
    const { caller } = account
    this.#isEvicting = true
    try {
      if (account.held > connection) this.#evict(caller, account.holders(), account.held - KEPT * connection)
      if (caller.held > perCaller) this.#evict(caller, holdersOf(caller), caller.held - KEPT * perCaller)
      if (this.#held <= total) return
      for (const biggest of [...this.#callers.values()].sort((a, b) => b.held - a.held)) {
        const excess = this.#held - KEPT * total
        if (excess <= 0) return
        this.#evict(biggest, holdersOf(biggest), Math.min(excess, biggest.held / 2))
      }
      if (this.#held > total) this.#evict(caller, holdersOf(caller), this.#held - total)
    } finally {
      this.#isEvicting = false
    }
  }

  /** The biggest first, until so many bytes are free. */
  #evict(caller: Caller, holders: Iterable<ByteHolder>, bytes: number): void {
    const loose: { holder: ByteHolder; bytes: number }[] = []
    for (const holder of holders) {
      const { looseBytes } = holder
      if (looseBytes > 0) loose.push({ holder, bytes: looseBytes })
    }
    loose.sort((a, b) => b.bytes - a.bytes)
    let free = 0
    let evicted = 0
    for (const next of loose) {
      if (free >= bytes) break
      free += next.bytes
      evicted += 1
      next.holder.evict()
    }
    if (evicted > 0) this.#onEviction(caller.key, evicted)
  }
}

/** What one connection holds. */
export class ByteAccount {
  readonly caller: Caller
  readonly holders: () => Iterable<ByteHolder>
  held = 0
  isClosed = false
  readonly #budget: ByteBudget

  constructor(budget: ByteBudget, caller: Caller, holders: () => Iterable<ByteHolder>) {
    this.#budget = budget
    this.caller = caller
    this.holders = holders
  }

  hasRoomFor(bytes: number): boolean {
    return this.#budget.hasRoomFor(this, bytes)
  }

  /** May evict whoever holds most, the one that asks included. */
  hold(bytes: number): void {
    if (bytes > 0) this.#budget.add(this, bytes)
  }

  release(bytes: number): void {
    if (bytes > 0) this.#budget.add(this, -bytes)
  }

  /** The connection is gone; what is still being handled may be released later. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#budget.close(this)
  }
}

function* holdersOf({ accounts }: Caller): Iterable<ByteHolder> {
  for (const account of accounts) yield* account.holders()
}
