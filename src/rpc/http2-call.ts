import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { MAX_TIMEOUT_MS } from '../foundation/clock.ts'
import type { ByteAccount } from './byte-budget.ts'
import { CallBytes } from './call-bytes.ts'
import { type Decompressor, isEncoding } from './decompressor.ts'
import { keepSession, nativeHalves } from './kept-sessions.ts'
import { MessageReader } from './message-reader.ts'
import { REFERENCE_TRAILER, type Status, StatusCode } from './status.ts'

/** Who answers a call: told of what arrives, in order, a message each time it was asked for one. */
export interface CallListener {
  onReceiveMessage(bytes: Buffer): void
  /** The peer has sent all it wanted. */
  onReceiveHalfClose(): void
  /** The call is over, whoever ended it. Said once. */
  onOver(): void
}

/** What one caller may send. */
export interface RequestLimits {
  readonly maxMessageBytes: number
  /** Requests may be compressed. */
  readonly decompresses: boolean
}

/** The connection, as far as its calls need it. */
export interface CallGround {
  readonly limits: RequestLimits
  readonly bytes: ByteAccount
  readonly decompressor: Decompressor
}

const TIMEOUT = /^(\d{1,8})([HMSmun])$/
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
}
const ACCEPTED_ENCODINGS = 'identity,deflate,gzip'
/** As a flat list: nothing is built or copied for a call. */
const RESPONSE_HEADERS = [
  ...[':status', '200', 'content-type', 'application/grpc+proto'],
  ...['grpc-encoding', 'identity', 'grpc-accept-encoding', ACCEPTED_ENCODINGS],
]
const RESPONSE_OPTIONS = { waitForTrailers: true, sendDate: false }
const ONLY_TRAILERS = { endStream: true, sendDate: false }
const OK_TRAILERS = { 'grpc-status': '0', 'grpc-message': '' }
const HEADER_BYTES = 5
/** What a peer may send on a stream that is paused (RFC 9113 §6.9.2); Node holds it, and says nothing. */
const WINDOW_BYTES = 65_535
/** Of the two headers that a call itself reads. */
const MAX_HEADER_LENGTH = 64
/** So much around a message is no waste. */
const SMALL_BYTES = 1024

/** What was framed last: a push sends the same bytes to thousands of streams, a cache to thousands of calls. */
let framedLast: { readonly message: Buffer; readonly frame: Buffer } | undefined
/** Of messages to streams, which many share: each would else have a copy of its own for as long as its reader does not read. */
const frames = new WeakMap<Buffer, Buffer>()

/**
 * gRPC on one stream of HTTP/2: framing, decompression, the deadline, trailers. In place of grpc-js's own call, which takes a promise,
 * two turns of the loop and a dozen objects more each time.
 */
export class Http2Call {
  readonly #stream: ServerHttp2Stream
  readonly #ground: CallGround
  readonly #reader: MessageReader
  readonly bytes: CallBytes
  readonly #encoding: string | undefined
  readonly #timeout: string | undefined
  #listener: CallListener | undefined
  #wantsMessage = false
  #isDelivering = false
  /** The peer has sent all it wanted. */
  #isHalfClosed = false
  #deadline: NodeJS.Timeout | undefined
  #isDecompressing = false
  #isAnswered = false
  #isOver = false

  /** Of the headers nothing is kept: they can be as long as a request. */
  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ground: CallGround) {
    this.#stream = stream
    this.#ground = ground
    this.#encoding = shortened(headers['grpc-encoding'])
    this.#timeout = shortened(headers['grpc-timeout'])
    this.#reader = new MessageReader(ground.limits.maxMessageBytes)
    this.bytes = new CallBytes(ground.bytes)
  }

  start(listener: CallListener): void {
    this.#listener = listener
    const stream = this.#stream
    const halves = nativeHalves(stream)
    let isWhole = false
    let wasWriting: boolean | undefined
    stream.once('aborted', () => {
      wasWriting = stream.writableLength > 0
    })
    stream.once('close', () => {
      this.#end()
      wasWriting ??= !stream.writableFinished
      const isBrokenOff = stream.rstCode !== constants.NGHTTP2_NO_ERROR || !isWhole
      if (halves !== undefined && isBrokenOff && wasWriting) keepSession(halves)
    })
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    stream.once('end', () => {
      isWhole = !stream.closed // Node ends what we have closed ourselves, too
      this.#isHalfClosed = true
      this.#deliver()
    })
    if (stream.destroyed || stream.closed) process.nextTick(() => this.#end())
    else this.#armDeadline()
  }

  /** Something of the request is here that was not handed out. */
  get hasRest(): boolean {
    return this.#reader.hasRest
  }

  /** For a message that has to wait for the rest of its request. What it gives takes no more memory than it is long. */
  keep(message: Buffer): Buffer {
    this.bytes.keep(message.length)
    const isPartOfMore = message.buffer.byteLength > 2 * message.length + SMALL_BYTES
    return isPartOfMore ? copyOf(message) : message
  }

  /** Lets go of whatever is not in use. */
  letGo(): void {
    this.#reader.clear()
    this.bytes.letGo()
  }

  /** Asks for the next message, or for the end of the request. */
  startRead(): void {
    this.#wantsMessage = true
    this.#deliver()
  }

  /** `written` is called when the reader has made room for more; never when the call is over before. */
  sendMessage(message: Buffer, written: () => void): void {
    if (!this.#canSend()) return
    this.#respond()
    this.#stream.write(framedForMany(message), (error) => {
      if (!error) written()
    })
  }

  /** The only message of a call and its status, in one go. */
  sendLast(message: Buffer, status: Status): void {
    if (!this.#canSend()) return
    this.#respond()
    this.#waitToTrail(status)
    this.#stream.end(framed(message))
  }

  sendStatus(status: Status): void {
    if (!this.#canSend()) return
    if (this.#stream.headersSent) {
      this.#waitToTrail(status)
      this.#stream.end()
      return
    }
    this.#isAnswered = true
    this.#dropRest()
    const headers = {
      ':status': 200,
      'content-type': 'application/grpc+proto',
      'grpc-accept-encoding': ACCEPTED_ENCODINGS,
      ...trailersOf(status),
    }
    this.#stream.respond(headers, ONLY_TRAILERS)
    process.nextTick(() => this.#end())
  }

  /** For a peer whom no status would reach. Clients see RESOURCE_EXHAUSTED; CANCEL would be final for some. */
  reset(): void {
    this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver || this.#isAnswered) return
    this.#reader.push(chunk)
    this.#deliver()
    // The rest stays with the peer until it is asked for, but for what comes behind a compressed message, which is all there should be.
    if (!this.#wantsMessage && !this.#isDecompressing) this.#stream.pause()
    this.#countRest()
  }

  /** Hands out what was asked for as long as it is there. Whoever gets it may ask for more at once, and is served by the same loop. */
  #deliver(): void {
    if (this.#isDelivering) return
    this.#isDelivering = true
    while (this.#wantsMessage && !this.#isAnswered && !this.#isOver) {
      const message = this.#reader.next()
      if (message === undefined && (this.#cannotRead || !this.#isHalfClosed)) break
      this.#wantsMessage = false
      if (!this.#reader.hasRest) this.bytes.restIs(0) // what is handed out is counted by whoever keeps it
      if (message === undefined) this.#onRequestEnd()
      else if (this.#reader.isCompressed) this.#decompress(message)
      else this.#listener?.onReceiveMessage(message)
    }
    this.#isDelivering = false
    if (this.#reader.isMalformed) this.#refuseFlags()
    else if (this.#reader.isTooLong) this.#refuseTooLong()
    else if (this.#wantsMessage && this.#stream.isPaused()) this.#stream.resume()
  }

  #onRequestEnd(): void {
    if (this.#reader.hasRest) {
      this.sendStatus({ code: StatusCode.INVALID_ARGUMENT, details: 'the request ends within a message' })
    } else {
      this.#listener?.onReceiveHalfClose()
    }
  }

  /** What has come of a message that is not complete is counted, in memory of its own. */
  #countRest(): void {
    this.#reader.own()
    this.bytes.restIs(this.#reader.heldBytes + (this.#stream.isPaused() ? WINDOW_BYTES : 0))
  }

  #decompress(message: Buffer): void {
    const { limits, bytes, decompressor } = this.#ground
    const encoding = this.#encoding ?? 'identity'
    if (encoding === 'identity') {
      this.sendStatus({ code: StatusCode.INTERNAL, details: 'a compressed message without an encoding' })
      return
    }
    if (!limits.decompresses || !isEncoding(encoding)) {
      this.sendStatus({ code: StatusCode.UNIMPLEMENTED, details: 'unsupported compression' })
      return
    }
    const compressed = this.keep(message)
    this.#isDecompressing = true
    decompressor.add(bytes.caller, {
      encoding,
      message: compressed,
      maxBytes: limits.maxMessageBytes,
      isWanted: () => !this.#isOver && !this.#isAnswered,
      done: (error, decompressed) => this.#onDecompressed(compressed.length, error, decompressed),
    })
  }

  #onDecompressed(compressedBytes: number, error: Error | null, message: Buffer): void {
    this.#isDecompressing = false
    if (this.#isOver || this.#isAnswered) return
    this.bytes.drop(compressedBytes)
    if (error === null) this.#listener?.onReceiveMessage(message)
    else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') this.#refuseTooLong()
    else this.sendStatus({ code: StatusCode.INTERNAL, details: 'cannot decompress the message' })
  }

  get #cannotRead(): boolean {
    return this.#reader.isTooLong || this.#reader.isMalformed
  }

  #refuseFlags(): void {
    this.sendStatus({ code: StatusCode.INTERNAL, details: 'a message with unknown flags' })
  }

  #refuseTooLong(): void {
    const details = `a message is longer than ${this.#ground.limits.maxMessageBytes} bytes`
    this.sendStatus({ code: StatusCode.RESOURCE_EXHAUSTED, details })
  }

  #armDeadline(): void {
    const text = this.#timeout
    if (text === undefined) return
    const [, amount, unit = ''] = TIMEOUT.exec(text) ?? []
    const ms = Number(amount) * (UNIT_MS[unit] ?? Number.NaN)
    if (Number.isNaN(ms)) this.sendStatus({ code: StatusCode.INTERNAL, details: 'invalid grpc-timeout' })
    if (!(ms <= MAX_TIMEOUT_MS)) return
    this.#deadline = setTimeout(
      () => this.sendStatus({ code: StatusCode.DEADLINE_EXCEEDED, details: 'deadline exceeded' }),
      ms,
    )
  }

  #canSend(): boolean {
    if (this.#isOver || this.#isAnswered) return false
    if (!this.#stream.destroyed && !this.#stream.closed) return true
    process.nextTick(() => this.#end())
    return false
  }

  #respond(): void {
    // The types do not know the flat list yet.
    if (!this.#stream.headersSent) this.#stream.respond(RESPONSE_HEADERS as never, RESPONSE_OPTIONS)
  }

  /** Nothing more of the request is looked at. */
  #dropRest(): void {
    this.#reader.clear()
    this.bytes.restIs(0)
  }

  #waitToTrail(status: Status): void {
    this.#isAnswered = true
    this.#dropRest()
    this.#stream.once('wantTrailers', () => {
      this.#stream.sendTrailers(trailersOf(status))
      this.#end()
    })
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#deadline)
    if (this.#stream.isPaused()) this.#stream.resume() // what still comes is let through, so that the stream can close
    this.letGo()
    if (!this.#isHalfClosed) closeSoon(this.#stream)
    this.#listener?.onOver()
  }
}

/**
 * For a stream that is answered before its request has ended (RFC 9113 §8.1): without this a peer that never ends it would keep the stream,
 * of which no cap knows any more. A turn later, because the end is often in the same read as the headers.
 */
export function closeSoon(stream: ServerHttp2Stream): void {
  setImmediate(() => {
    if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR)
  })
}

/** For a stream whose call is begun later or never: it may be broken off before, and then its session has to be kept all the same. */
export function keepWithoutCall(stream: ServerHttp2Stream): void {
  const halves = nativeHalves(stream)
  if (halves !== undefined) stream.once('close', () => keepSession(halves))
}

function trailersOf({ code, details, reference }: Status): Record<string, string> {
  if (code === StatusCode.OK) return OK_TRAILERS
  const trailers = { 'grpc-status': String(code), 'grpc-message': encodeURI(details) }
  return reference === undefined ? trailers : { ...trailers, [REFERENCE_TRAILER]: reference }
}

/** Longer than this nothing means anything to {@link Http2Call}, and need not be kept. */
function shortened(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && header.length > MAX_HEADER_LENGTH ? 'too long' : header?.toString()
}

function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}

function framedForMany(message: Buffer): Buffer {
  const before = frames.get(message)
  if (before !== undefined) return before
  const frame = framed(message)
  frames.set(message, frame)
  return frame
}

/** Length-prefixed, not compressed. */
function framed(message: Buffer): Buffer {
  if (framedLast?.message === message) return framedLast.frame
  const frame = Buffer.allocUnsafe(HEADER_BYTES + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  message.copy(frame, HEADER_BYTES)
  framedLast = { message, frame }
  return frame
}
