/** What a program has started and must end: the signal aborts first, then everything is undone in reverse order. */
export class Lifecycle implements AsyncDisposable {
  readonly #controller = new AbortController()
  readonly #stack = new AsyncDisposableStack()

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Every cleanup runs, also when another one throws. */
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
