/** One kind of event and its listeners. */
export class Emitter<Event = void> {
  readonly #listeners = new Set<(event: Event) => void>()

  /** Calls `listener` for every event from now on, until disposed. */
  subscribe(listener: (event: Event) => void): Disposable {
    const own = (event: Event): void => listener(event) // the same function may subscribe twice
    this.#listeners.add(own)
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) }
  }

  get hasListeners(): boolean {
    return this.#listeners.size > 0
  }

  /** Calls every listener, even when one of them throws; then rethrows the first error. */
  emit(event: Event): void {
    const errors: unknown[] = []
    for (const listener of [...this.#listeners]) {
      try {
        listener(event)
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }
}
