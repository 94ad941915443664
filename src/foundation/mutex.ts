/** Runs one task at a time, in the order of the calls. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => T | Promise<T>): Promise<T> {
    const run = this.#last.then(task)
    this.#last = run.catch(() => undefined) // the caller gets the error from `run`
    return run
  }

  /** Resolves when every task so far has ended. */
  async idle(): Promise<void> {
    await this.#last
  }
}
