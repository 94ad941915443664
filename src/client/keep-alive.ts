import { MAX_TIMEOUT_MS } from '../foundation/clock.ts'

/**
 * Keeps the process alive while at least one hold is active. The source's own sockets and timers
 * never do.
 */
export class KeepAlive {
  #holders = 0
  #timer: NodeJS.Timeout | undefined

  hold(): Disposable {
    this.#holders += 1
    this.#timer ??= setInterval(() => undefined, MAX_TIMEOUT_MS)
    let isHeld = true
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#holders -= 1
        isHeld = false
        if (this.#holders > 0) return
        clearInterval(this.#timer)
        this.#timer = undefined
      },
    }
  }
}
