import http2 from 'node:http2'
import net from 'node:net'
import type { Clock, Scheduled } from '../foundation/clock.ts'
import { describeFailure } from './client-failure.ts'
import { MessageReader } from './message-reader.ts'
import { RpcError, StatusCode } from './status.ts'

export type WatchTarget = { readonly path: string } | { readonly host: string; readonly port: number }

export interface WatchOptions {
  readonly target: WatchTarget
  /** `/Service/Method`; the request is the empty message. */
  readonly method: string
  readonly metadata: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly onMessage: (message: Buffer) => void
}

/** A socket that accepts and then says nothing is no server. */
const CONNECT_TIMEOUT_MS = 10_000
/** A watch may be quiet for hours: by this a server that has vanished without a word is noticed (on Unix sockets none can). */
const KEEPALIVE_MS = 10_000
/** Servers keep to the 4 MiB that most clients take; this is for those that do not. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
const EMPTY_REQUEST = Buffer.alloc(5)

/**
 * One server stream on a connection of its own, on `node:http2` alone: a program that only watches need not load grpc-js, which takes
 * about as long as all else that it needs. It keeps no process alive.
 */
export class WatchCall implements Disposable {
  /** How it ended; a watch has no good end, so OK is an error, too. Never rejects. */
  readonly ended: Promise<RpcError>
  readonly #end: (error: RpcError) => void
  readonly #address: string
  readonly #session: http2.ClientHttp2Session
  readonly #connecting: Scheduled
  #connected = false
  #headers: http2.IncomingHttpHeaders & { ':status'?: number } = {}

  constructor(options: WatchOptions) {
    const { target, method, metadata, clock } = options
    const { promise, resolve } = Promise.withResolvers<RpcError>()
    this.ended = promise
    this.#end = resolve
    const isUnix = 'path' in target
    const host = isUnix ? 'localhost' : net.isIPv6(target.host) ? `[${target.host}]` : target.host
    this.#address = isUnix ? target.path : `${host}:${target.port}`
    const socket = net.connect(
      isUnix ? target : { ...target, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS },
    )
    socket.unref()
    this.#session = http2.connect(`http://${isUnix ? host : this.#address}`, {
      createConnection: () => socket,
      settings: { enablePush: false },
    })
    this.#connecting = clock.schedule(CONNECT_TIMEOUT_MS, () => this.#finish(this.#unreachable('', true)))
    this.#session.once('remoteSettings', () => {
      this.#connected = true
      this.#connecting.cancel()
    })
    this.#session.on('error', (error) => this.#finish(this.#unreachable(error.message)))
    this.#session.once('close', () => this.#finish(this.#outcome()))
    this.#request(method, metadata, options.onMessage)
  }

  cancel(): void {
    this.#finish(new RpcError(StatusCode.UNAVAILABLE, 'the call was given up'))
  }

  [Symbol.dispose](): void {
    this.cancel()
  }

  #request(
    path: string,
    metadata: Readonly<Record<string, string>>,
    onMessage: (message: Buffer) => void,
  ): void {
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...metadata,
    })
    const reader = new MessageReader(MAX_MESSAGE_BYTES)
    const hear = (headers: http2.IncomingHttpHeaders): void => {
      this.#headers = { ...this.#headers, ...headers }
    }
    stream.on('response', hear) // which has the status when there is no message at all
    stream.on('trailers', hear)
    stream.on('data', (chunk: Buffer) => {
      reader.push(chunk)
      for (let message = reader.next(); message !== undefined; message = reader.next()) {
        // We offer no compression, so whoever compresses is no gRPC server.
        if (reader.isCompressed) this.#finish(this.#failed(StatusCode.INTERNAL, 'sends what cannot be read'))
        else onMessage(message)
      }
      if (reader.isMalformed) this.#finish(this.#failed(StatusCode.INTERNAL, 'sends what cannot be read'))
      if (reader.isTooLong) {
        this.#finish(this.#failed(StatusCode.RESOURCE_EXHAUSTED, 'sends a message that is too long'))
      }
    })
    stream.on('error', (error) => this.#finish(this.#unreachable(error.message)))
    stream.once('close', () => this.#finish(this.#outcome()))
    stream.end(EMPTY_REQUEST)
  }

  /** What the server said at the end, or that it said nothing. */
  #outcome(): RpcError {
    const { 'grpc-status': status, 'grpc-message': message, ':status': httpStatus } = this.#headers
    const code = status === undefined ? Number.NaN : Number(status)
    if (code === StatusCode.OK) return this.#failed(StatusCode.UNAVAILABLE, 'ended the stream')
    if (Number.isInteger(code)) {
      const details = typeof message === 'string' ? percentDecoded(message) : ''
      return details === '' ? this.#failed(code, `answered with status ${code}`) : new RpcError(code, details)
    }
    if (httpStatus !== undefined && httpStatus !== 200) {
      return this.#failed(StatusCode.UNKNOWN, `answered with HTTP status ${httpStatus}: it is no gRPC server`)
    }
    return this.#unreachable('Connection dropped')
  }

  #unreachable(detail: string, timedOut = false): RpcError {
    const message = this.#connected ? `Connection dropped: ${detail}` : `Failed to connect: ${detail}`
    return describeFailure(
      { code: StatusCode.UNAVAILABLE, message },
      // What is advised for a Unix socket is right for any server on the same machine.
      { address: this.#address, isUnix: true, timedOut, state: this.#connected ? 'ready' : 'connecting' },
    )
  }

  #failed(status: number, what: string): RpcError {
    return new RpcError(status, `${this.#address} ${what}`)
  }

  /** Whatever comes first says how it ended. */
  #finish(error: RpcError): void {
    this.#connecting.cancel()
    this.#session.destroy()
    this.#end(error)
  }
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // as it came: the status counts, the text is for people
  }
}
