/**
 * What a program has started and must end: disposing first aborts the signal, then cleans up in
 * reverse order.
 */
export class Lifecycle implements AsyncDisposable {
  readonly #controller = new AbortController()
  readonly #stack = new AsyncDisposableStack()

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Registers a cleanup. Each one runs, even when another one throws. */
  defer(cleanup: () => void | Promise<void>): void {
    this.#stack.defer(cleanup)
  }

  use<T extends Disposable | AsyncDisposable>(resource: T): T {
    return this.#stack.use(resource)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort()
    await this.#stack.disposeAsync()
  }
}
