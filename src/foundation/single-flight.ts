/** One task at a time for each key: whoever asks meanwhile gets the same outcome. */
export class SingleFlight<K, V> {
  readonly #running = new Map<K, Promise<V>>()

  run(key: K, task: () => Promise<V>): Promise<V> {
    const running = this.#running.get(key)
    if (running) return running
    // Through an async function, so that a task that throws at once is a rejected promise too.
    const started = (async () => task())().finally(() => this.#running.delete(key))
    this.#running.set(key, started)
    return started
  }
}
