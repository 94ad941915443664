import { type Found, HeaderBlocks } from './header-blocks.ts'

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const NOTHING = Buffer.alloc(0)
const HEAD_BYTES = 9
/** SETTINGS_MAX_FRAME_SIZE of Node, which keeps the default. */
const MAX_FRAME_LENGTH = 16_384
/**
 * Four times the header list size that the server announces. HTTP/2 refuses a longer block anyway,
 * so it is not buffered.
 */
const MAX_BLOCK_LENGTH = 65_536
/** Node accepts eight. */
const MAX_CONTINUATIONS = 16

const HEADERS = 1
const PRIORITY = 2
const SETTINGS = 4
const WINDOW_UPDATE = 8
const CONTINUATION = 9
const ACK = 0x1
const END_HEADERS = 0x4
const PADDED = 0x8
const WITH_PRIORITY = 0x20
const PRIORITY_BYTES = 5

/**
 * Rewrites the byte stream from an HTTP/2 client, chunk by chunk, so that Node accepts every
 * `:authority`. It holds back at most a frame header, or a header block until it is complete.
 * Everything else passes unchanged, and so does everything after a protocol error: the HTTP/2
 * session detects that error itself and ends the connection.
 */
export class AuthorityRewriter {
  readonly #blocks = new HeaderBlocks()
  #held: Buffer | undefined
  #heldBytes = 0
  /** How many bytes pass without a look: the rest of a frame. */
  #unread = 0
  #hasPreface = false
  #isGreeted = false
  #isAnswerDue = false
  #awaitsAck = false
  #isLost = false
  #found: Exclude<Found, 'malformed'> | undefined

  /**
   * The result for the first header block; `clean` also when the stream turned out not to be valid
   * HTTP/2.
   */
  get found(): Exclude<Found, 'malformed'> | undefined {
    return this.#found
  }

  /** The client has sent SETTINGS. */
  get isGreeted(): boolean {
    return this.#isGreeted
  }

  /** The client has sent a frame that only a session can answer. */
  get isAnswerDue(): boolean {
    return this.#isAnswerDue
  }

  /** The size of the buffer for bytes that are held back. */
  get heldBytes(): number {
    return this.#held?.length ?? 0
  }

  get awaitsAck(): boolean {
    return this.#awaitsAck
  }

  /**
   * SETTINGS were sent before the session existed. The next ACK answers these and is removed from
   * the stream.
   */
  awaitAck(): void {
    this.#awaitsAck = true
  }

  /** Returns the bytes that can pass. They may share memory with `chunk`, which is changed in place. */
  push(chunk: Buffer): Buffer {
    const out: Buffer[] = []
    let rest = chunk
    while (rest.length > 0) {
      const held = this.#held
      if (held === undefined) {
        this.#walk(rest, out)
        break
      }
      const taken = rest.copy(held, this.#heldBytes)
      this.#heldBytes += taken
      rest = rest.subarray(taken)
      if (this.#heldBytes < held.length) break
      this.#held = undefined
      this.#walk(held, out)
    }
    const [first = NOTHING] = out
    return out.length > 1 ? Buffer.concat(out) : first
  }

  /** Returns the bytes that are held back, unchanged. */
  flush(): Buffer {
    const held = this.#held?.subarray(0, this.#heldBytes) ?? NOTHING
    this.#held = undefined
    return held
  }

  #walk(bytes: Buffer, out: Buffer[]): void {
    let from = 0
    let at = 0
    while (at < bytes.length) {
      const there = bytes.length - at
      if (this.#unread > 0) {
        const taken = Math.min(this.#unread, there)
        this.#unread -= taken
        at += taken
        continue
      }
      const needed = this.#hasPreface ? this.#frame(bytes, at) : this.#preface(bytes, at)
      if (needed > there) {
        this.#hold(bytes.subarray(at), needed)
        break
      }
      if (needed < 0) {
        if (at > from) out.push(bytes.subarray(from, at))
        from = at - needed
      }
      at += Math.abs(needed)
    }
    if (at > from) out.push(bytes.subarray(from, at))
  }

  #hold(bytes: Buffer, needed: number): void {
    this.#held = Buffer.allocUnsafeSlow(needed)
    this.#heldBytes = bytes.copy(this.#held)
  }

  #preface(bytes: Buffer, at: number): number {
    const there = Math.min(bytes.length - at, PREFACE.length)
    if (PREFACE.compare(bytes, at, at + there, 0, there) !== 0) {
      this.#passAll()
      return 0
    }
    this.#hasPreface = there === PREFACE.length
    return PREFACE.length
  }

  /**
   * Returns how many bytes pass from here, or must have arrived before that is known; a negative
   * number is how many are removed.
   */
  #frame(bytes: Buffer, at: number): number {
    if (bytes.length - at < HEAD_BYTES) return HEAD_BYTES
    const length = bytes.readUIntBE(at, 3)
    const type = bytes[at + 3]
    const flags = bytes[at + 4] ?? 0
    if (type === HEADERS && !this.#isLost) {
      const whole = this.#block(bytes, at)
      if (whole !== undefined) return whole
      this.#lose()
      return 0
    }
    if (this.#awaitsAck && type === SETTINGS && (flags & ACK) !== 0 && length === 0) {
      this.#awaitsAck = false
      if (this.#isLost) this.#passAll()
      return -HEAD_BYTES
    }
    if (type === SETTINGS) this.#isGreeted = true
    else if (type !== WINDOW_UPDATE && type !== PRIORITY) this.#isAnswerDue = true
    this.#unread = length
    return HEAD_BYTES
  }

  /**
   * Handles the header block that begins here, with its frame headers. Returns as `#frame` does, or
   * undefined when the frames are not a valid block.
   */
  #block(bytes: Buffer, at: number): number | undefined {
    const fragments: Buffer[] = []
    const stream = bytes.readUInt32BE(at + 5)
    for (let end = at; ; ) {
      if (bytes.length - end < HEAD_BYTES) return end + HEAD_BYTES - at
      const length = bytes.readUIntBE(end, 3)
      const flags = bytes[end + 4] ?? 0
      const start = end + HEAD_BYTES
      if (length > MAX_FRAME_LENGTH || start + length - at > MAX_BLOCK_LENGTH) return undefined
      if (fragments.length > 0) {
        if (bytes[end + 3] !== CONTINUATION || bytes.readUInt32BE(end + 5) !== stream) return undefined
        if (fragments.length > MAX_CONTINUATIONS) return undefined
      }
      end = start + length
      if (bytes.length < end) return end - at
      const payload = bytes.subarray(start, end)
      const fragment = fragments.length === 0 ? unwrap(payload, flags) : payload
      if (fragment === undefined) return undefined
      fragments.push(fragment)
      if ((flags & END_HEADERS) !== 0) return this.#rewrite(fragments) ? end - at : undefined
    }
  }

  #rewrite(fragments: readonly Buffer[]): boolean {
    const [first = NOTHING] = fragments
    const block = fragments.length === 1 ? first : Buffer.concat(fragments)
    const found = this.#blocks.rewrite(block)
    if (found !== 'clean' && block !== first) {
      let at = 0
      for (const fragment of fragments) at += block.copy(fragment, 0, at, at + fragment.length)
    }
    if (found === 'malformed') return false
    this.#found ??= found
    return true
  }

  /** After an error the dynamic table is unknown, so nothing more can be rewritten. */
  #lose(): void {
    this.#isLost = true
    this.#found ??= 'clean'
    if (!this.#awaitsAck) this.#passAll()
  }

  #passAll(): void {
    this.#found ??= 'clean'
    this.#unread = Number.POSITIVE_INFINITY
  }
}

/** Removes padding and priority from the payload of HEADERS (RFC 9113 §6.2). */
function unwrap(payload: Buffer, flags: number): Buffer | undefined {
  const isPadded = (flags & PADDED) !== 0
  const padding = isPadded ? payload[0] : 0
  const start = (isPadded ? 1 : 0) + ((flags & WITH_PRIORITY) !== 0 ? PRIORITY_BYTES : 0)
  if (padding === undefined || start + padding > payload.length) return undefined
  return payload.subarray(start, payload.length - padding)
}
