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
   * calls. Dispose of the result, once or more, when the join works no more. @throws the reason of
   * the signal
   */
  async enter(address: string, atOnce: number, signal: AbortSignal): Promise<Disposable> {
    const turns = this.#places.get(address) ?? { working: 0, waiting: [] }
    this.#places.set(address, turns)
    if (turns.working < atOnce) turns.working += 1
    else await waitIn(turns.waiting, signal)
    let isOver = false
    return {
      [Symbol.dispose]: () => {
        if (!isOver) this.#leave(address, turns)
        isOver = true
      },
    }
  }

  #leave(address: string, turns: Turns): void {
    const next = turns.waiting.shift()
    if (next) next()
    else turns.working -= 1
    if (turns.working === 0) this.#places.delete(address)
  }
}

async function waitIn(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const giveUp = (): void => {
    const at = waiting.indexOf(resolve)
    if (at === -1) return // it has its turn already
    waiting.splice(at, 1)
    reject(signal.reason)
  }
  waiting.push(resolve)
  signal.addEventListener('abort', giveUp, { once: true })
  await promise.finally(() => signal.removeEventListener('abort', giveUp))
}
