import type { KeyPair } from '../../crypto/keys.ts'
import { FairQueue } from '../../foundation/fair-queue.ts'

interface KeyPoolOptions {
  /** Generates off the event loop. */
  readonly generate: () => Promise<KeyPair>
  /**
   * How many pairs may be generated concurrently. The threads are shared with all other blocking
   * work.
   */
  readonly atOnce: number
  /** The maximum number of pairs kept ready; each takes some 3 KB. */
  readonly most: number
}

type Waiter = PromiseWithResolvers<KeyPair>

/**
 * Key pairs of one type, generated in advance so that a first fetch need not wait. Each is handed
 * out once; waiting users take turns.
 */
export class KeyPool {
  readonly #options: KeyPoolOptions
  #ready: KeyPair[] = []
  readonly #waiting = new FairQueue<number, Waiter>()
  #making = 0
  #target = 0

  constructor(options: KeyPoolOptions) {
    this.#options = options
  }

  get ready(): number {
    return this.#ready.length
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Sets how many keys may soon be needed; that many, up to the limit, are kept ready. Zero drops
   * the ready ones.
   */
  expect(keys: number): void {
    this.#target = keys === 0 ? 0 : Math.max(this.#target, Math.min(keys, this.#options.most))
    if (keys === 0) this.#ready = []
    this.#make()
  }

  async take(uid: number): Promise<KeyPair> {
    const key = this.#ready.pop()
    if (key !== undefined) {
      this.#make()
      return key
    }
    // An empty pool shows that more are needed than expected.
    this.#target = Math.min(this.#target + 1, this.#options.most)
    const waiter = Promise.withResolvers<KeyPair>()
    this.#waiting.push(uid, waiter)
    this.#make()
    return waiter.promise
  }

  #make(): void {
    const missing = this.#waiting.size + this.#target - this.#ready.length
    while (this.#making < Math.min(this.#options.atOnce, missing)) {
      this.#making += 1
      void this.#add()
    }
  }

  async #add(): Promise<void> {
    try {
      const key = await this.#options.generate()
      const waiter = this.#waiting.take()?.item
      if (waiter) waiter.resolve(key)
      else this.#ready.push(key)
    } catch (error) {
      const waiter = this.#waiting.take()?.item
      this.#making -= 1
      waiter?.reject(error)
      if (waiter) this.#make() // otherwise the next take() tries again and reports the failure
      return
    }
    this.#making -= 1
    this.#make()
  }
}
