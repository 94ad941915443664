import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { MAX_TIMEOUT_MS } from '../foundation/clock.ts'
import type { ByteAccount } from './byte-budget.ts'
import { CallBytes } from './call-bytes.ts'
import { type Decompressor, isEncoding } from './decompressor.ts'
import { keepSession, nativeHalves } from './kept-sessions.ts'
import { MessageReader } from './message-reader.ts'
import { ERROR_CODE_TRAILER, REFERENCE_TRAILER, type Status, StatusCode } from './status.ts'

/** Receives the events of a call, in order. Each message is delivered only after it was asked for. */
export interface CallListener {
  onReceiveMessage(bytes: Buffer): void
  /** The peer has half-closed the stream. */
  onReceiveHalfClose(): void
  /** The call is over, whichever side ended it. Called once. */
  onOver(): void
}

/** Limits on the requests of one caller. */
export interface RequestLimits {
  readonly maxMessageBytes: number
  /** Whether requests may be compressed. */
  readonly decompresses: boolean
}

/** The parts of a connection that its calls need. */
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
/** A flat list, because Node then builds and copies nothing for each call. */
const RESPONSE_HEADERS = [
  ...[':status', '200', 'content-type', 'application/grpc+proto'],
  ...['grpc-encoding', 'identity', 'grpc-accept-encoding', ACCEPTED_ENCODINGS],
]
const RESPONSE_OPTIONS = { waitForTrailers: true, sendDate: false }
const ONLY_TRAILERS = { endStream: true, sendDate: false }
const OK_TRAILERS = { 'grpc-status': '0', 'grpc-message': '' }
const HEADER_BYTES = 5
/** A peer may send this much on a paused stream (RFC 9113 §6.9.2). Node buffers it without any event. */
const WINDOW_BYTES = 65_535
/** Limit of the two headers that a call itself reads. */
const MAX_HEADER_LENGTH = 64
/** This much unused memory around a message does not matter. */
const SMALL_BYTES = 1024

/** The last framed message. A push sends the same bytes to thousands of streams, a cache to as many calls. */
let framedLast: { readonly message: Buffer; readonly frame: Buffer } | undefined
/** Frames of messages that many streams share. Otherwise each stream would hold a copy for its client. */
const frames = new WeakMap<Buffer, Buffer>()

/**
 * gRPC on one HTTP/2 stream: framing, decompression, the deadline, trailers. It replaces the call
 * of grpc-js, which takes a promise, two turns of the event loop and a dozen more objects each
 * time.
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
  /** The peer has half-closed the stream. */
  #isHalfClosed = false
  #deadline: NodeJS.Timeout | undefined
  #isDecompressing = false
  #isAnswered = false
  #isOver = false

  /** The call does not keep the headers, which can be as long as a request. */
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
      isWhole = !stream.closed // Node also emits `end` for a stream that this side closed
      this.#isHalfClosed = true
      this.#deliver()
    })
    if (stream.destroyed || stream.closed) process.nextTick(() => this.#end())
    else this.#armDeadline()
  }

  /** Part of the request has arrived and was not delivered. */
  get hasRest(): boolean {
    return this.#reader.hasRest
  }

  /**
   * Keeps a message that waits for the rest of its request. The result takes no more memory than
   * its length.
   */
  keep(message: Buffer): Buffer {
    this.bytes.keep(message.length)
    const isPartOfMore = message.buffer.byteLength > 2 * message.length + SMALL_BYTES
    return isPartOfMore ? copyOf(message) : message
  }

  /** Releases everything that is not in use by a handler. */
  releaseUnused(): void {
    this.#reader.clear()
    this.bytes.releaseUnused()
  }

  /** Asks for the next message, or for the end of the request. */
  startRead(): void {
    this.#wantsMessage = true
    this.#deliver()
  }

  /** Sends a message. Calls `written` when the client has room for more, unless the call ends first. */
  sendMessage(message: Buffer, written: () => void): void {
    if (!this.#canSend()) return
    this.#respond()
    this.#stream.write(framedForMany(message), (error) => {
      if (!error) written()
    })
  }

  /** Sends the only message of a call together with its status. */
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

  /** Resets the stream as RESOURCE_EXHAUSTED when no status would arrive; some clients never retry CANCEL. */
  reset(): void {
    this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver || this.#isAnswered) return
    this.#reader.push(chunk)
    this.#deliver()
    // Flow control keeps the rest at the peer until it is asked for. Behind a compressed message
    // only the end is due.
    if (!this.#wantsMessage && !this.#isDecompressing) this.#stream.pause()
    this.#countRest()
  }

  /** Delivers messages that were asked for. A listener may ask for the next one in its callback. */
  #deliver(): void {
    if (this.#isDelivering) return
    this.#isDelivering = true
    while (this.#wantsMessage && !this.#isAnswered && !this.#isOver) {
      const message = this.#reader.next()
      if (message === undefined && (this.#cannotRead || !this.#isHalfClosed)) break
      this.#wantsMessage = false
      if (!this.#reader.hasRest) this.bytes.restIs(0) // the receiver counts what it keeps
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

  /** Moves the bytes of an incomplete message into memory of their own, and counts them. */
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
    // The types do not have the flat list yet.
    if (!this.#stream.headersSent) this.#stream.respond(RESPONSE_HEADERS as never, RESPONSE_OPTIONS)
  }

  /** Drops the rest of the request. */
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
    if (this.#stream.isPaused()) this.#stream.resume() // drain it, so that the stream can close
    this.releaseUnused()
    if (!this.#isHalfClosed) closeSoon(this.#stream)
    this.#listener?.onOver()
  }
}

/**
 * Closes a stream that was answered before its request ended (RFC 9113 §8.1). Otherwise a peer that
 * never ends its request would keep the stream open, outside every cap. One turn of the event loop
 * later, because the end of the request is often in the same read as the headers.
 */
export function closeSoon(stream: ServerHttp2Stream): void {
  setImmediate(() => {
    if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR)
  })
}

/**
 * For a stream whose call begins later or never. If the stream is broken off, its session must
 * still be kept.
 */
export function keepWithoutCall(stream: ServerHttp2Stream): void {
  const halves = nativeHalves(stream)
  if (halves !== undefined) stream.once('close', () => keepSession(halves))
}

function trailersOf({ code, details, reference, errorCode }: Status): Record<string, string> {
  if (code === StatusCode.OK) return OK_TRAILERS
  return {
    'grpc-status': String(code),
    'grpc-message': encodeURI(details),
    ...(reference === undefined ? {} : { [REFERENCE_TRAILER]: reference }),
    ...(errorCode === undefined ? {} : { [ERROR_CODE_TRAILER]: errorCode }),
  }
}

/** A longer value cannot be valid, so it is not kept. */
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

/** Frames a message: uncompressed, with its length. */
function framed(message: Buffer): Buffer {
  if (framedLast?.message === message) return framedLast.frame
  const frame = Buffer.allocUnsafe(HEADER_BYTES + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  message.copy(frame, HEADER_BYTES)
  framedLast = { message, frame }
  return frame
}
