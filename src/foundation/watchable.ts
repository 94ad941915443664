/** A value that changes, and whoever wants to know. */
export class Watchable<T> {
  #value: T
  readonly #listeners = new Set<(value: T) => void>()

  constructor(initial: T) {
    this.#value = initial
  }

  get value(): T {
    return this.#value
  }

  /** Every listener hears of it, also when one of them throws; the first such error is thrown afterwards. */
  set(value: T): void {
    this.#value = value
    const errors: unknown[] = []
    for (const listener of [...this.#listeners]) {
      try {
        listener(value)
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }

  /** Calls `listener` at every change from now on; not for the present value. */
  subscribe(listener: (value: T) => void): Disposable {
    const own = (value: T): void => listener(value)
    this.#listeners.add(own)
    return { [Symbol.dispose]: () => this.#listeners.delete(own) }
  }

  /** The present value, then each newer one; a slow reader skips what is stale by then. Ends when the signal aborts. */
  async *watch(signal: AbortSignal): AsyncGenerator<T> {
    let changed = Promise.withResolvers<void>()
    const wake = (): void => changed.resolve()
    using _subscription = this.subscribe(wake)
    signal.addEventListener('abort', wake, { once: true })
    try {
      while (!signal.aborted) {
        yield this.#value
        await changed.promise
        changed = Promise.withResolvers<void>()
      }
    } finally {
      signal.removeEventListener('abort', wake)
    }
  }
}
