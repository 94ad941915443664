import type { Worker } from 'node:worker_threads'
import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { type Slice, type Sliced, startDigestWorker } from './digest-worker.ts'

/** The thread takes some megabytes: it goes when nothing has been asked of it for so long. */
const REST_MS = 10_000
/** Threads that never came back, as from a dead mount. With so many of them no other is started. */
const MAX_STUCK = 2

export interface DigestThreadDeps {
  readonly clock: Clock
  /** How long one slice may take. */
  readonly patienceMs: number
  readonly answered: (said: Sliced) => void
  /** The thread was given up, and with it every file that it had open. `ended`: it has come back after all, and is gone. */
  readonly lost: (ended: Promise<unknown>) => void
}

/** A thread that is there while there is something to hash, one slice at a time. */
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

  /** Nothing waits. */
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
    // It cannot be started, or has run out of memory: the digests it should make are absent.
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
