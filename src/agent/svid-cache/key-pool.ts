import type { KeyPair } from '../../crypto/keys.ts'
import { FairQueue } from '../../foundation/fair-queue.ts'

export interface KeyPoolOptions {
  /** Off the event loop. */
  readonly generate: () => Promise<KeyPair>
  /** Pairs in the making at once, however many wait: the threads are shared with all else that leaves the loop. */
  readonly atOnce: number
  /** Pairs kept ready at most; each takes some 3 KB. */
  readonly most: number
}

type Waiter = PromiseWithResolvers<KeyPair>

/** Key pairs of one type, made ahead so that a first fetch does not wait for one. Each is handed out once, to the users in turn. */
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

  /** So many may soon be asked for: that many are kept ready, as far as the limit goes. None at all lets go of those that are. */
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
    // Whoever finds nothing has shown that more are needed than anybody told.
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
      if (waiter) this.#make() // else whoever takes the next key tries again, and hears of the failure
      return
    }
    this.#making -= 1
    this.#make()
  }
}
