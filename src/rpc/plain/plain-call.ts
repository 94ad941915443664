import net from 'node:net'
import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { formatHostPort } from '../../foundation/host-port.ts'
import { describeFailure } from '../client-failure.ts'
import { MessageReader } from '../message-reader.ts'
import { RpcError, StatusCode } from '../status.ts'
import {
  contentOf,
  FIRST_WINDOW_BYTES,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  type Frame,
  FrameReader,
  frame,
  PREFACE,
  readSetting,
  SETTING,
  settings,
  windowUpdate,
} from './frames.ts'
import { encodeHeaders, HeaderDecoder, type HeaderField } from './header-block.ts'
import { RequestSender } from './request-sender.ts'

export type PlainTarget = { readonly path: string } | { readonly host: string; readonly port: number }

interface PlainCallOptions {
  readonly target: PlainTarget
  /** `/Service/Method`. */
  readonly method: string
  readonly metadata: Readonly<Record<string, string>>
  readonly request: Buffer
  readonly maxMessageBytes: number
  readonly clock: Clock
  readonly onMessage: (message: Buffer) => void
  readonly connectTimeoutMs?: number
  /** Deadline of the call in milliseconds; none by default. */
  readonly deadlineMs?: number
  /** The call does not keep the process alive. */
  readonly isBackground?: boolean
}

/** How long a server may take to answer the preface after connecting. */
const CONNECT_TIMEOUT_MS = 10_000
/** TCP keepalive notices a server that has become unreachable during a silent watch. */
const KEEPALIVE_MS = 10_000
/** The window granted to the server. It is granted again as data is read; a slow reader pauses the socket. */
const WINDOW_BYTES = 4 * 1024 * 1024
const GRANT_BYTES = WINDOW_BYTES / 4
/** Limit of all encoded response headers. Each frame counts its nine bytes of header, too. */
const MAX_HEADER_BYTES = 64 * 1024
/** Limit of unsent replies besides the request, for a server that sends PINGs and reads no answer. */
const MAX_UNSENT_BYTES = 256 * 1024
const STREAM = 1
const CANCEL = 8
const ENHANCE_YOUR_CALM = 11

/**
 * One call on its own connection, without TLS: as much of HTTP/2 as that needs, on a socket. For a
 * command with a single call, loading node:http2 and grpc-js would take longer than everything
 * else; a program that only watches does not need them either.
 */
export class PlainCall implements Disposable {
  /** Resolves when the call is over: to undefined after status OK, else to the error. Never rejects. */
  readonly ended: Promise<RpcError | undefined>
  readonly #end: (error: RpcError | undefined) => void
  readonly address: string
  readonly #socket: net.Socket
  readonly #frames = new FrameReader()
  readonly #decoder = new HeaderDecoder()
  readonly #messages: MessageReader
  readonly #onMessage: (message: Buffer) => void
  readonly #connecting: Scheduled
  readonly #deadline: Scheduled | undefined
  readonly #isLate: () => boolean
  #isConnected = false
  #isOver = false
  readonly #headers = new Map<string, string>()
  #headerBytes = 0
  /** The header block that continues in the next frame. */
  #block: { readonly parts: Buffer[]; readonly endsStream: boolean } | undefined
  readonly #sender: RequestSender
  readonly #maxUnsentBytes: number
  #taken = 0

  constructor(options: PlainCallOptions) {
    const { target, clock, request, deadlineMs } = options
    const { promise, resolve } = Promise.withResolvers<RpcError | undefined>()
    this.ended = promise
    this.#end = resolve
    const isUnix = 'path' in target
    const authority = isUnix ? 'localhost' : formatHostPort(target)
    this.address = isUnix ? target.path : authority
    this.#messages = new MessageReader(options.maxMessageBytes)
    this.#onMessage = options.onMessage
    this.#maxUnsentBytes = 2 * request.length + MAX_UNSENT_BYTES
    this.#sender = new RequestSender(STREAM, request, (bytes) => this.#socket.write(bytes))
    this.#connecting = clock.schedule(options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, () =>
      this.#finish(this.#unreachable('', true)),
    )
    const lateMs = clock.monotonicMs() + (deadlineMs ?? Number.POSITIVE_INFINITY)
    this.#isLate = () => clock.monotonicMs() >= lateMs
    if (deadlineMs !== undefined) {
      this.#deadline = clock.schedule(deadlineMs, () =>
        this.#finish(this.#failure(StatusCode.DEADLINE_EXCEEDED, '')),
      )
    }
    this.#socket = net.connect(
      isUnix ? target : { ...target, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS },
    )
    if (options.isBackground === true) this.#socket.unref()
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    this.#socket.on('error', (error) => this.#finish(this.#unreachable(error.message)))
    this.#socket.once('close', () => this.#finish(this.#unreachable('')))
    this.#start(authority, options)
  }

  cancel(): void {
    this.#finish(new RpcError(StatusCode.UNAVAILABLE, 'the call was given up'))
  }

  [Symbol.dispose](): void {
    this.cancel()
  }

  /** Stops reading from the socket. Messages that were read already are still delivered. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  #start(authority: string, { method, metadata, deadlineMs }: PlainCallOptions): void {
    const fields: HeaderField[] = [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', method],
      [':authority', authority],
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
      ...(deadlineMs === undefined ? [] : [['grpc-timeout', timeoutOf(deadlineMs)] as const]),
      ...Object.entries(metadata),
    ]
    this.#socket.cork() // send all of it in one write
    this.#socket.write(PREFACE)
    this.#socket.write(
      settings([
        [SETTING.ENABLE_PUSH, 0],
        [SETTING.INITIAL_WINDOW_SIZE, WINDOW_BYTES],
      ]),
    )
    this.#socket.write(windowUpdate(0, WINDOW_BYTES - FIRST_WINDOW_BYTES))
    this.#socket.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, STREAM, encodeHeaders(fields)))
    this.#sender.send()
    this.#socket.uncork()
  }

  #onData(chunk: Buffer): void {
    this.#frames.push(chunk)
    while (!this.#isOver) {
      const found = this.#frames.next()
      if (found === undefined) break
      this.#onFrame(found)
    }
    if (this.#frames.isTooLong) this.#finish(this.#failed(StatusCode.INTERNAL, 'is no gRPC server'))
  }

  #onFrame(found: Frame): void {
    const { type, flags, streamId, payload } = found
    const continues = type === FRAME.CONTINUATION && streamId === STREAM
    if ((this.#block !== undefined) !== continues) this.#refuse()
    else if (streamId === STREAM) this.#onStreamFrame(found)
    else if (streamId !== 0)
      return // a frame of another stream
    else if (type === FRAME.SETTINGS && (flags & FLAG.ACK) === 0) this.#onSettings(payload)
    else if (type === FRAME.PING && (flags & FLAG.ACK) === 0) {
      this.#reply(frame(FRAME.PING, FLAG.ACK, 0, payload))
    } else if (type === FRAME.WINDOW_UPDATE) this.#sender.grant(0, readNumber(payload))
    else if (type === FRAME.GOAWAY) this.#onGoAway(payload)
  }

  #onStreamFrame(found: Frame): void {
    const { type, flags, payload } = found
    switch (type) {
      case FRAME.DATA:
        this.#onMessageBytes(found)
        break
      case FRAME.HEADERS:
        this.#onHeaders(found)
        break
      case FRAME.CONTINUATION:
        this.#onBlock(payload, flags)
        break
      case FRAME.WINDOW_UPDATE:
        this.#sender.grant(STREAM, readNumber(payload))
        break
      case FRAME.RST_STREAM:
        this.#onReset(readNumber(payload))
        break
      case FRAME.PUSH_PROMISE:
        this.#refuse() // SETTINGS disabled push
        break
      default: // PRIORITY and unknown types are ignored
    }
  }

  #onSettings(payload: Buffer): void {
    this.#isConnected = true
    this.#connecting.cancel()
    this.#reply(frame(FRAME.SETTINGS, FLAG.ACK, 0))
    const window = readSetting(payload, SETTING.INITIAL_WINDOW_SIZE)
    if (window !== undefined) this.#sender.setInitialWindow(window)
  }

  #onHeaders(found: Frame): void {
    const content = contentOf(found)
    if (content === undefined) {
      this.#refuse()
      return
    }
    this.#block = { parts: [], endsStream: (found.flags & FLAG.END_STREAM) !== 0 }
    this.#onBlock(content, found.flags)
  }

  #onBlock(part: Buffer, flags: number): void {
    if (this.#block === undefined) return
    const { parts, endsStream } = this.#block
    parts.push(part)
    this.#headerBytes += FRAME_HEADER_BYTES + part.length
    const isTooLong = this.#headerBytes > MAX_HEADER_BYTES
    const isWhole = (flags & FLAG.END_HEADERS) !== 0
    if (!isWhole && !isTooLong) return
    this.#block = undefined
    const fields = isTooLong ? undefined : this.#decoder.decode(Buffer.concat(parts))
    if (fields === undefined) {
      this.#refuse()
      return
    }
    for (const [name, value] of fields) this.#headers.set(name, value)
    if (endsStream || this.#isOtherHttp()) this.#finish(this.#outcome())
  }

  #onMessageBytes(found: Frame): void {
    const content = contentOf(found)
    if (content === undefined) {
      this.#refuse()
      return
    }
    this.#grant(found.payload.length)
    if (content.length > 0) this.#messages.push(content)
    while (!this.#isOver) {
      const message = this.#messages.next()
      if (message === undefined) break
      // This client offers no compression, so a compressed message is a protocol error.
      if (this.#messages.isCompressed) this.#refuse()
      else this.#onMessage(message)
    }
    if (this.#messages.isMalformed) {
      this.#refuse()
    } else if (this.#messages.isTooLong) {
      this.#finish(this.#failed(StatusCode.RESOURCE_EXHAUSTED, 'sends a message that is too long'))
    } else if ((found.flags & FLAG.END_STREAM) !== 0) {
      this.#finish(this.#outcome())
    }
  }

  #grant(bytes: number): void {
    this.#taken += bytes
    if (this.#taken < GRANT_BYTES) return
    this.#socket.write(windowUpdate(0, this.#taken))
    this.#socket.write(windowUpdate(STREAM, this.#taken))
    this.#taken = 0
  }

  /** A server may reset the rest of a request it has answered, and may act on the deadline first. */
  #onReset(code: number): void {
    const isAnswered = this.#headers.has('grpc-status')
    const status = code === ENHANCE_YOUR_CALM ? StatusCode.RESOURCE_EXHAUSTED : StatusCode.UNAVAILABLE
    if (code === CANCEL && !isAnswered && this.#isLate()) {
      this.#finish(this.#failure(StatusCode.DEADLINE_EXCEEDED, ''))
      return
    }
    const details = `Received RST_STREAM with code ${code}`
    this.#finish(isAnswered ? this.#outcome() : this.#failure(status, details, 'lost'))
  }

  #onGoAway(payload: Buffer): void {
    const isOurs = readNumber(payload) >= STREAM
    if (!isOurs) this.#finish(this.#unreachable('goaway'))
  }

  /** An HTTP status that gRPC does not use; the body is a page for people. */
  #isOtherHttp(): boolean {
    return /^(?!200)[2-9]/.test(this.#headers.get(':status') ?? '') && !this.#headers.has('grpc-status')
  }

  /** The outcome by the server's trailers, or an error if there were none. */
  #outcome(): RpcError | undefined {
    const status = this.#headers.get('grpc-status') ?? ''
    const code = /^\d+$/.test(status) ? Number(status) : undefined
    if (code === StatusCode.OK) return this.#messages.hasRest ? this.#unreadable() : undefined
    if (code !== undefined) {
      return this.#failure(code, percentDecoded(this.#headers.get('grpc-message') ?? ''))
    }
    const httpStatus = this.#headers.get(':status')
    if (httpStatus !== undefined && httpStatus !== '200') {
      return this.#failed(StatusCode.UNKNOWN, `answered with HTTP status ${httpStatus}: it is no gRPC server`)
    }
    return this.#unreachable('')
  }

  #unreachable(detail: string, timedOut = false): RpcError {
    const outcome = this.#isConnected ? 'lost' : 'unreachable'
    return this.#failure(StatusCode.UNAVAILABLE, detail, outcome, timedOut)
  }

  #failure(
    code: number,
    message: string,
    outcome: 'unreachable' | 'lost' | 'status' = 'status',
    timedOut = false,
  ): RpcError {
    const state = this.#isConnected ? 'ready' : 'connecting'
    // The advice for a Unix socket fits any server on the same machine.
    const context = { address: this.address, isUnix: true, timedOut, state, outcome }
    const metadata = { get: (name: string) => [this.#headers.get(name)] }
    return describeFailure({ code, message, metadata }, context)
  }

  #failed(status: number, what: string): RpcError {
    return new RpcError(status, `${this.address} ${what}`)
  }

  /** Ends the call after a protocol error of the server. */
  #refuse(): void {
    this.#finish(this.#unreadable())
  }

  #unreadable(): RpcError {
    return this.#failed(StatusCode.INTERNAL, 'sends what cannot be read')
  }

  /** Sends an acknowledgement that HTTP/2 demands. */
  #reply(bytes: Buffer): void {
    this.#socket.write(bytes)
    if (this.#socket.writableLength > this.#maxUnsentBytes) {
      this.#finish(this.#failed(StatusCode.UNAVAILABLE, 'does not read what it is sent'))
    }
  }

  /** Ends the call. Only the first call of this method counts. */
  #finish(error: RpcError | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#connecting.cancel()
    this.#deadline?.cancel()
    this.#sendGoAway(error)
    this.#end(error)
  }

  /**
   * Sends RST_STREAM and GOAWAY before closing. Not to a server that has unread data: it would not
   * see them, and the process would wait for ever to send them.
   */
  #sendGoAway(error: RpcError | undefined): void {
    if (!this.#isConnected || this.#socket.writableLength > 0) {
      this.#socket.destroy()
      return
    }
    const reason = Buffer.alloc(4)
    reason.writeUInt32BE(CANCEL)
    if (error !== undefined) this.#socket.write(frame(FRAME.RST_STREAM, 0, STREAM, reason))
    this.#socket.write(frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(8)))
    this.#socket.destroySoon()
  }
}

/** Reads the 31-bit number at the start of a payload. */
function readNumber(payload: Buffer): number {
  return payload.length < 4 ? 0 : payload.readUInt32BE() & 0x7fff_ffff
}

/** At most eight digits, as gRPC demands; a day in milliseconds has eight. */
function timeoutOf(ms: number): string {
  return `${Math.min(Math.ceil(ms), 99_999_999)}m`
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // unchanged: only people read this text
  }
}
