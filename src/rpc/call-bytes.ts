import type { ByteAccount } from './byte-budget.ts'

/**
 * Rough memory cost of an open stream. Counted only until its request has arrived: from then on the
 * cap on open calls limits how many there are.
 */
const CALL_BYTES = 8 * 1024

/** The bytes that one call holds, counted in the account of its connection. */
export class CallBytes {
  readonly #account: ByteAccount
  #rest = 0
  #request = CALL_BYTES
  #answer = 0
  #expected = 0
  #kept = 0
  #isHandling = false

  constructor(account: ByteAccount) {
    this.#account = account
    account.hold(CALL_BYTES)
  }

  /**
   * Bytes that ending the call now would release. A running handler keeps its request even if the
   * call ends.
   */
  get loose(): number {
    return this.#rest + this.#answer + this.#kept + (this.#isHandling ? 0 : this.#request)
  }

  /** Sets how many bytes have arrived that are not yet read as a message. */
  restIs(bytes: number): void {
    const more = bytes - this.#rest
    if (more === 0) return
    this.#rest = bytes
    if (more > 0) this.#account.hold(more)
    else this.#account.release(-more)
  }

  /** Counts a message that waits for its turn or for the rest of its request. */
  keep(bytes: number): void {
    this.#request += bytes
    this.#account.hold(bytes)
  }

  /** Stops counting a message, because another form of it (decompressed or decoded) replaces it. */
  drop(bytes: number): void {
    this.#request -= bytes
    this.#account.release(bytes)
  }

  /** The request is in use from here until {@link handled}. */
  beginHandling(): void {
    this.#isHandling = true
    this.drop(CALL_BYTES)
  }

  /** Reserves room for a response of `bytes`, until {@link handled}. Returns false when there is none. */
  expectAnswer(bytes: number): boolean {
    const more = bytes - this.#expected
    if (more <= 0) return true
    if (!this.#account.hasRoomFor(more)) return false
    this.#expected = bytes
    this.#account.hold(more)
    return true
  }

  /** The handler waits for the peer, so ending the call now would release what the handler keeps. */
  pauseHandling(): void {
    this.#isHandling = false
  }

  resumeHandling(): void {
    this.#isHandling = true
  }

  /** Releases the request and the room reserved for a response. */
  handled(): void {
    this.#isHandling = false
    this.#account.release(this.#request + this.#expected)
    this.#request = 0
    this.#expected = 0
  }

  /** Counts a response that belongs to this call alone, until {@link answerTaken}. */
  keepAnswer(bytes: number): void {
    this.#answer += bytes
    this.#account.hold(bytes)
  }

  answerTaken(): void {
    this.#account.release(this.#answer)
    this.#answer = 0
  }

  /** Sets how many bytes of handled requests are kept until the call ends. */
  keptIs(bytes: number): void {
    const more = bytes - this.#kept
    this.#kept = bytes
    if (more > 0) this.#account.hold(more)
    else this.#account.release(-more)
  }

  /** Releases everything that is not in use by a handler. */
  releaseUnused(): void {
    this.restIs(0)
    this.keptIs(0)
    this.answerTaken()
    if (!this.#isHandling) this.handled()
  }
}
