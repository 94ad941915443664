import type { Worker } from 'node:worker_threads'
import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { type Slice, type Sliced, startDigestWorker } from './digest-worker.ts'

/** How long an idle thread is kept. It takes some megabytes. */
const REST_MS = 10_000
/** How many threads may be stuck, as on a dead mount. With this many, no other is started. */
const MAX_STUCK = 2

interface DigestThreadDeps {
  readonly clock: Clock
  /** How long one slice may take. */
  readonly patienceMs: number
  readonly answered: (said: Sliced) => void
  /**
   * Called when the thread was abandoned, with every file it had open. `ended` resolves if it exits
   * after all.
   */
  readonly lost: (ended: Promise<unknown>) => void
}

/** A worker thread that hashes one slice at a time. It is started on demand and stopped when idle. */
export class DigestThread implements Disposable {
  readonly #deps: DigestThreadDeps
  #worker: Worker | undefined
  #patience: Scheduled | undefined
  #resting: Scheduled | undefined
  #stuck = 0
  #isDisposed = false

  constructor(deps: DigestThreadDeps) {
    this.#deps = deps
  }

  get isStuck(): boolean {
    return this.#stuck >= MAX_STUCK
  }

  send(slice: Slice): void {
    this.#resting?.cancel()
    this.#resting = undefined
    this.#worker ??= this.#start()
    this.#patience = this.#deps.clock.schedule(this.#deps.patienceMs, () => this.#giveUp())
    this.#worker.postMessage(slice)
  }

  /** Nothing is left to hash: stops the thread after a while. */
  rest(): void {
    if (this.#worker === undefined) return
    this.#resting ??= this.#deps.clock.schedule(REST_MS, () => this.#end())
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#end()
  }

  #start(): Worker {
    const worker = startDigestWorker()
    worker.on('message', (said: Sliced) => {
      if (worker !== this.#worker) return
      this.#patience?.cancel()
      this.#deps.answered(said)
    })
    // The thread cannot be started or ran out of memory; its digests are then absent.
    worker.on('error', () => {
      if (worker === this.#worker) this.#giveUp()
    })
    return worker
  }

  #giveUp(): void {
    const worker = this.#worker
    this.#end()
    if (worker === undefined || this.#isDisposed) return
    this.#stuck += 1
    const { promise, resolve } = Promise.withResolvers<void>()
    worker.once('exit', () => {
      this.#stuck -= 1
      resolve()
    })
    this.#deps.lost(promise)
  }

  #end(): void {
    this.#patience?.cancel()
    this.#resting?.cancel()
    this.#resting = undefined
    void this.#worker?.terminate()
    this.#worker = undefined
  }
}
