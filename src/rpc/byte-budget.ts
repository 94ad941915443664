/**
 * How many bytes of requests and responses may be held: on one connection, for one caller across
 * all of its connections, and in total (decision 0020).
 */
export interface ByteLimits {
  readonly connection: number
  readonly caller: number
  readonly total: number
}

/** Something that holds bytes sent by a peer and can be made to release them. */
export interface ByteHolder {
  /** How many bytes {@link evict} would release. */
  readonly looseBytes: number
  evict(): void
}

interface ByteBudgetOptions {
  readonly limits: ByteLimits
  /** Called after an eviction, with the caller's key and the number of evicted holders. */
  readonly onEviction: (key: unknown, holders: number) => void
}

/**
 * An eviction goes down to this fraction of the limit, so that the sort by size serves many
 * evictions instead of one.
 */
const KEPT = 0.75

interface CallerBytes {
  readonly key: unknown
  readonly accounts: Set<ByteAccount>
  held: number
}

/**
 * Counts the bytes that peers make this program hold: requests that are incomplete or not yet
 * handled. When a limit is exceeded, the biggest holders are evicted first: of the connection, of
 * the caller, and for the total, of the caller that holds most. A flooding peer thus loses its own
 * calls.
 */
export class ByteBudget {
  readonly #limits: ByteLimits
  readonly #onEviction: ByteBudgetOptions['onEviction']
  readonly #callers = new Map<unknown, CallerBytes>()
  #held = 0
  #isEvicting = false

  constructor({ limits, onEviction }: ByteBudgetOptions) {
    this.#limits = limits
    this.#onEviction = onEviction
  }

  get held(): number {
    return this.#held
  }

  /** Opens the account of one connection of the caller `key`. */
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

  /** Called by accounts. A negative number releases bytes. */
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

  /** Called by accounts. Whether `bytes` more can be held without evicting anything. */
  hasRoomFor(account: ByteAccount, bytes: number): boolean {
    const { connection, caller: perCaller, total } = this.#limits
    const { held, caller } = account
    return held + bytes <= connection && caller.held + bytes <= perCaller && this.#held + bytes <= total
  }

  /** Called by accounts. Bytes still held stay counted until they are released. */
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

  /** Evicts the biggest holders first, until at least `bytes` are released. */
  #evict(caller: CallerBytes, holders: Iterable<ByteHolder>, bytes: number): void {
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

/** The bytes that one connection holds. */
export class ByteAccount {
  readonly caller: CallerBytes
  readonly holders: () => Iterable<ByteHolder>
  held = 0
  isClosed = false
  readonly #budget: ByteBudget

  constructor(budget: ByteBudget, caller: CallerBytes, holders: () => Iterable<ByteHolder>) {
    this.#budget = budget
    this.caller = caller
    this.holders = holders
  }

  hasRoomFor(bytes: number): boolean {
    return this.#budget.hasRoomFor(this, bytes)
  }

  /** Counts `bytes` more. May evict the biggest holders, including the one that asks. */
  hold(bytes: number): void {
    if (bytes > 0) this.#budget.add(this, bytes)
  }

  release(bytes: number): void {
    if (bytes > 0) this.#budget.add(this, -bytes)
  }

  /** The connection is gone. Requests still being handled may release their bytes later. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#budget.close(this)
  }
}

function* holdersOf({ accounts }: CallerBytes): Iterable<ByteHolder> {
  for (const account of accounts) yield* account.holders()
}
