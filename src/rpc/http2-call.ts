import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { gunzip, inflate } from 'node:zlib'
import { keepSession, nativeHalves } from './http2-session.ts'
import { MessageReader } from './message-reader.ts'
import { type Status, StatusCode } from './status.ts'

/** Who answers a call: told of what arrives, in order, a message each time it was asked for one. */
export interface CallListener {
  onReceiveMessage(bytes: Buffer): void
  /** The peer has sent all it wanted. */
  onReceiveHalfClose(): void
  /** The call is over, whoever ended it. Said once. */
  onOver(): void
}

/** A timer of Node fires at once when it is longer than this. */
const LONGEST_TIMEOUT_MS = 2_147_483_647
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

/** What was framed last: a push sends the same bytes to thousands of streams, a cache to thousands of calls. */
let framedLast: { readonly message: Buffer; readonly frame: Buffer } | undefined

/**
 * gRPC on one stream of HTTP/2: framing, decompression, the deadline, trailers. In place of grpc-js's own call, which takes a promise,
 * two turns of the loop and a dozen objects more each time.
 */
export class Http2Call {
  readonly headers: IncomingHttpHeaders
  readonly #stream: ServerHttp2Stream
  readonly #reader: MessageReader
  readonly #maxMessageBytes: number
  #listener: CallListener | undefined
  #wantsMessage = false
  #isDelivering = false
  /** The peer has sent all it wanted. */
  #isHalfClosed = false
  #deadline: NodeJS.Timeout | undefined
  #isAnswered = false
  #isOver = false

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, maxMessageBytes: number) {
    this.#stream = stream
    this.headers = headers
    this.#maxMessageBytes = maxMessageBytes
    this.#reader = new MessageReader(maxMessageBytes)
  }

  start(listener: CallListener): void {
    this.#listener = listener
    const stream = this.#stream
    const halves = nativeHalves(stream)
    stream.once('close', () => {
      this.#end()
      const isBrokenOff = stream.rstCode !== constants.NGHTTP2_NO_ERROR || !this.#isHalfClosed
      if (halves !== undefined && isBrokenOff) keepSession(halves)
    })
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    stream.once('end', () => {
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

  /** Asks for the next message, or for the end of the request. */
  startRead(): void {
    this.#wantsMessage = true
    this.#deliver()
  }

  /** `written` is called when the reader has made room for more; never when the call is over before. */
  sendMessage(message: Buffer, written: () => void): void {
    if (!this.#canSend()) return
    this.#respond()
    this.#stream.write(framed(message), (error) => {
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
    if (!this.#wantsMessage) this.#stream.pause() // the rest stays with the peer until it is asked for
  }

  /** Hands out what was asked for as long as it is there. Whoever gets it may ask for more at once, and is served by the same loop. */
  #deliver(): void {
    if (this.#isDelivering) return
    this.#isDelivering = true
    while (this.#wantsMessage && !this.#isAnswered && !this.#isOver) {
      const message = this.#reader.next()
      if (message === undefined && (this.#reader.isTooLong || !this.#isHalfClosed)) break
      this.#wantsMessage = false
      if (message === undefined) this.#onRequestEnd()
      else if (this.#reader.isCompressed) this.#decompress(message)
      else this.#listener?.onReceiveMessage(message)
    }
    this.#isDelivering = false
    if (this.#reader.isTooLong) this.#refuseTooLong()
    else if (this.#wantsMessage && this.#stream.isPaused()) this.#stream.resume()
  }

  #onRequestEnd(): void {
    if (this.#reader.hasRest) {
      this.sendStatus({ code: StatusCode.INVALID_ARGUMENT, details: 'the request ends within a message' })
    } else {
      this.#listener?.onReceiveHalfClose()
    }
  }

  #decompress(message: Buffer): void {
    const encoding = this.headers['grpc-encoding'] ?? 'identity'
    if (encoding === 'identity') {
      this.sendStatus({ code: StatusCode.INTERNAL, details: 'a compressed message without an encoding' })
      return
    }
    const decompress = encoding === 'gzip' ? gunzip : encoding === 'deflate' ? inflate : undefined
    if (decompress === undefined) {
      this.sendStatus({ code: StatusCode.UNIMPLEMENTED, details: 'unsupported compression' })
      return
    }
    decompress(message, { maxOutputLength: this.#maxMessageBytes }, (error, bytes) => {
      if (this.#isOver) return
      if (error === null) this.#listener?.onReceiveMessage(bytes)
      else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') this.#refuseTooLong()
      else this.sendStatus({ code: StatusCode.INTERNAL, details: 'cannot decompress the message' })
    })
  }

  #refuseTooLong(): void {
    const details = `a message is longer than ${this.#maxMessageBytes} bytes`
    this.sendStatus({ code: StatusCode.RESOURCE_EXHAUSTED, details })
  }

  #armDeadline(): void {
    const text = this.headers['grpc-timeout']
    if (typeof text !== 'string') return
    const [, amount, unit = ''] = TIMEOUT.exec(text) ?? []
    const ms = Number(amount) * (UNIT_MS[unit] ?? Number.NaN)
    if (Number.isNaN(ms)) this.sendStatus({ code: StatusCode.INTERNAL, details: 'invalid grpc-timeout' })
    if (!(ms <= LONGEST_TIMEOUT_MS)) return
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

  #waitToTrail(status: Status): void {
    this.#isAnswered = true
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

function trailersOf({ code, details }: Status): Record<string, string> {
  if (code === StatusCode.OK) return OK_TRAILERS
  return { 'grpc-status': String(code), 'grpc-message': encodeURI(details) }
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
