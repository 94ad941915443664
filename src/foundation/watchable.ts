import { Emitter } from './emitter.ts'

/** A value that changes, and whoever wants to know. */
export class Watchable<T> {
  #value: T
  readonly #changes = new Emitter<T>()

  constructor(initial: T) {
    this.#value = initial
  }

  get value(): T {
    return this.#value
  }

  /** Every listener hears of it, also when one of them throws; the first such error is thrown afterwards. */
  set(value: T): void {
    this.#value = value
    this.#changes.emit(value)
  }

  /** Calls `listener` at every change from now on; not for the present value. */
  subscribe(listener: (value: T) => void): Disposable {
    return this.#changes.subscribe(listener)
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
