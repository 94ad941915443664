import type { ByteAccount } from './byte-budget.ts'

/** What an open stream takes by itself, roughly. Counted until its request is there: how many may be open after that is another cap's. */
const CALL_BYTES = 8 * 1024

/** The bytes that one call holds, counted with its connection. */
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

  /** What would be free if the call ended now: a handler that works with the request keeps it whatever becomes of the call. */
  get loose(): number {
    return this.#rest + this.#answer + this.#kept + (this.#isHandling ? 0 : this.#request)
  }

  /** So much is there at the moment of which no message was read. */
  restIs(bytes: number): void {
    const more = bytes - this.#rest
    if (more === 0) return
    this.#rest = bytes
    if (more > 0) this.#account.hold(more)
    else this.#account.release(-more)
  }

  /** A message that waits for its turn, or for the rest of its request. */
  keep(bytes: number): void {
    this.#request += bytes
    this.#account.hold(bytes)
  }

  /** The message has become another one. */
  drop(bytes: number): void {
    this.#request -= bytes
    this.#account.release(bytes)
  }

  /** From here on until {@link handled} the request is in use. */
  beginHandling(): void {
    this.#isHandling = true
    this.drop(CALL_BYTES)
  }

  /** Whether there is room for such an answer; it is kept until {@link handled}. */
  expectAnswer(bytes: number): boolean {
    const more = bytes - this.#expected
    if (more <= 0) return true
    if (!this.#account.hasRoomFor(more)) return false
    this.#expected = bytes
    this.#account.hold(more)
    return true
  }

  /** The handler waits for the peer: what it keeps would be free if the call ended now. */
  pauseHandling(): void {
    this.#isHandling = false
  }

  resumeHandling(): void {
    this.#isHandling = true
  }

  /** Nothing is kept of the request, nor for an answer that was expected. */
  handled(): void {
    this.#isHandling = false
    this.#account.release(this.#request + this.#expected)
    this.#request = 0
    this.#expected = 0
  }

  /** An answer that nobody else is sent, until {@link answerTaken}. */
  keepAnswer(bytes: number): void {
    this.#answer += bytes
    this.#account.hold(bytes)
  }

  answerTaken(): void {
    this.#account.release(this.#answer)
    this.#answer = 0
  }

  /** So much is kept of requests that are handled, for as long as the call lasts. */
  keptIs(bytes: number): void {
    const more = bytes - this.#kept
    this.#kept = bytes
    if (more > 0) this.#account.hold(more)
    else this.#account.release(-more)
  }

  /** Nothing is kept that is not in use. */
  letGo(): void {
    this.restIs(0)
    this.keptIs(0)
    this.answerTaken()
    if (!this.#isHandling) this.handled()
  }
}
