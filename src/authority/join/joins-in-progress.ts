/** Counts the joins of each address that are in progress. */
export class JoinsInProgress {
  readonly #counts = new Map<string, number>()

  at(place: string): number {
    return this.#counts.get(place) ?? 0
  }

  /** Counts one more, until disposed. */
  enter(place: string): Disposable {
    this.#counts.set(place, this.at(place) + 1)
    return {
      [Symbol.dispose]: () => {
        const left = this.at(place) - 1
        if (left > 0) this.#counts.set(place, left)
        else this.#counts.delete(place)
      },
    }
  }
}
