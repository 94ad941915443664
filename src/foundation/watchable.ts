import { Emitter } from './emitter.ts'

/** A value that changes, with its listeners. */
export class Watchable<T> {
  #value: T
  readonly #changes = new Emitter<T>()

  constructor(initial: T) {
    this.#value = initial
  }

  get value(): T {
    return this.#value
  }

  /** Calls every listener, even when one of them throws; then rethrows the first error. */
  set(value: T): void {
    this.#value = value
    this.#changes.emit(value)
  }

  /** Calls `listener` for every change from now on, but not for the current value. */
  subscribe(listener: (value: T) => void): Disposable {
    return this.#changes.subscribe(listener)
  }

  /**
   * Yields the current value, then each newer one. A slow reader skips outdated ones. Ends when the
   * signal aborts.
   */
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
