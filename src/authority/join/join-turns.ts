interface Turns {
  working: number
  readonly waiting: (() => void)[]
}

/** Joins of one address work in turns. */
export class JoinTurns {
  readonly #places = new Map<string, Turns>()

  /** How many joins of this address work now. */
  working(address: string): number {
    return this.#places.get(address)?.working ?? 0
  }

  /**
   * Resolves at once if fewer than `atOnce` joins of the address work, otherwise in the order of the
   * calls. Dispose of the result when the join works no more. @throws the reason of the signal
   */
  async enter(address: string, atOnce: number, signal: AbortSignal): Promise<Disposable> {
    const turns = this.#places.get(address) ?? { working: 0, waiting: [] }
    this.#places.set(address, turns)
    if (turns.working < atOnce) turns.working += 1
    else await waitIn(turns.waiting, signal)
    return { [Symbol.dispose]: () => this.#leave(address, turns) }
  }

  #leave(address: string, turns: Turns): void {
    const next = turns.waiting.shift()
    if (next)
      next() // it takes this turn
    else turns.working -= 1
    if (turns.working === 0) this.#places.delete(address)
  }
}

async function waitIn(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const giveUp = (): void => {
    waiting.splice(waiting.indexOf(resolve), 1)
    reject(signal.reason)
  }
  waiting.push(resolve)
  signal.addEventListener('abort', giveUp, { once: true })
  await promise
  signal.removeEventListener('abort', giveUp)
}
