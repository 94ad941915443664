import { CodedError } from '../foundation/errors.ts'

/** More is waiting for the authority than it could answer in time. */
export class TooManyWaitingError extends CodedError {
  override readonly name = 'TooManyWaitingError'
  readonly code = 'ERR_AGENT_TOO_MANY_WAITING'
  readonly kind = 'unavailable'
}

/** As many as the authority commits to disk at once. */
const BATCH_SIZE = 256
/** While one call waits for the disk of the authority, the next one is signed; more would only make batches smaller. */
const CALLS_AT_ONCE = 4
const WAITING_MOST = 32_768

interface Waiting<Req, Res> {
  readonly request: Req
  readonly resolve: (result: Res) => void
  readonly reject: (error: unknown) => void
}

/** Gathers what is asked in one turn of the loop into few calls, whose answers come in the order of the requests. */
export class Batcher<Req, Res> {
  readonly #call: (requests: readonly Req[]) => Promise<readonly (Res | Error)[]>
  #waiting: Waiting<Req, Res>[] = []
  #running = 0
  #scheduled = false

  constructor(call: (requests: readonly Req[]) => Promise<readonly (Res | Error)[]>) {
    this.#call = call
  }

  ask(request: Req): Promise<Res> {
    if (this.#waiting.length >= WAITING_MOST) {
      return Promise.reject(new TooManyWaitingError('too many requests are waiting for the authority'))
    }
    const { promise, resolve, reject } = Promise.withResolvers<Res>()
    this.#waiting.push({ request, resolve, reject })
    this.#schedule()
    return promise
  }

  #schedule(): void {
    if (this.#scheduled || this.#running >= CALLS_AT_ONCE || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      while (this.#waiting.length > 0 && this.#running < CALLS_AT_ONCE) {
        const batch = this.#waiting.slice(0, BATCH_SIZE)
        this.#waiting = this.#waiting.slice(BATCH_SIZE)
        void this.#run(batch)
      }
    })
  }

  async #run(batch: readonly Waiting<Req, Res>[]): Promise<void> {
    this.#running += 1
    try {
      const results = await this.#call(batch.map(({ request }) => request))
      for (const [index, { resolve, reject }] of batch.entries()) {
        const result = results[index]
        if (result === undefined) reject(new TypeError('fewer answers than requests'))
        else if (result instanceof Error) reject(result)
        else resolve(result)
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    } finally {
      this.#running -= 1
      this.#schedule()
    }
  }
}
