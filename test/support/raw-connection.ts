import { once } from 'node:events'
import net from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { END_STREAM, frame, GREETING, TYPE, words } from './frames.ts'
import { type Field, ReferenceDecoder } from './hpack.ts'

/** A frame that the server sent. */
export interface ReceivedFrame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** How a call ended: with trailers or a reset. */
interface RawAnswer {
  readonly reset?: number
  readonly status?: string
  /** Bytes of its messages. */
  readonly bytes: number
}

const HEAD_BYTES = 9
const ACK = 1
const PADDED_OR_PRIORITY = 0x28

/**
 * An HTTP/2 connection in which the test writes and sees every frame. By itself it sends only what
 * keeps the connection alive: ACKs of SETTINGS and PING, and window updates of the connection.
 */
export class RawConnection implements Disposable {
  readonly socket: net.Socket
  readonly frames: ReceivedFrame[] = []
  /** Resolves when the connection is closed, whatever the reason. */
  readonly closed: Promise<void>
  readonly #acknowledges: boolean
  readonly #decoder = new ReferenceDecoder()
  readonly #headers = new Map<number, Field[]>()
  #rest: Buffer = Buffer.alloc(0)
  #heard = Promise.withResolvers<void>()
  /** Replies that wait until the frame being sent byte by byte is complete. */
  #held: Buffer[] | undefined

  private constructor(socket: net.Socket, acknowledges: boolean) {
    this.socket = socket
    this.#acknowledges = acknowledges
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.once('close', () => this.#heard.resolve())
  }

  static async connect(socketPath: string, { acknowledges = true } = {}): Promise<RawConnection> {
    const socket = net.connect(socketPath)
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return new RawConnection(socket, acknowledges)
  }

  /** Connects, sends the preface and waits for the server's SETTINGS, as most gRPC clients do. */
  static async greeted(socketPath: string): Promise<RawConnection> {
    const connection = await RawConnection.connect(socketPath)
    connection.send(GREETING)
    await connection.hears(({ type, flags }) => type === TYPE.settings && flags === 0)
    return connection
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames))
  }

  async sendByteByByte(...frames: readonly Buffer[]): Promise<void> {
    this.#held = []
    for (const byte of Buffer.concat(frames)) {
      this.socket.write(Buffer.of(byte))
      await turn()
    }
    this.send(...this.#held)
    this.#held = undefined
  }

  /**
   * Writes as fast as the server reads, until the connection is closed or `maxBytes` are sent.
   * Received frames are dropped.
   */
  async flood(next: () => Buffer, maxBytes: number): Promise<void> {
    while (!this.socket.destroyed && this.socket.bytesWritten < maxBytes) {
      const taken = new Promise<void>((resolve) => this.socket.write(next(), () => resolve()))
      await Promise.race([taken, this.closed])
      this.frames.length = 0
    }
  }

  /**
   * Resolves to the first past or future frame for which this holds. Rejects when the connection
   * closes without one.
   */
  async hears(isWanted: (frame: ReceivedFrame) => boolean): Promise<ReceivedFrame> {
    for (;;) {
      const found = this.frames.find(isWanted)
      if (found !== undefined) return found
      if (this.socket.destroyed) throw new Error('the connection was closed')
      await this.#heard.promise
    }
  }

  /** Sends a PING and waits for its ACK. Rejects when the connection is closed. */
  async answers(): Promise<void> {
    const data = words(Date.now() >>> 0, this.frames.length)
    this.send(frame(TYPE.ping, 0, 0, data))
    await this.hears(
      ({ type, flags, payload }) => type === TYPE.ping && flags === ACK && payload.equals(data),
    )
  }

  async answer(stream: number): Promise<RawAnswer> {
    const last = await this.hears(
      ({ type, flags, stream: of }) =>
        of === stream &&
        (type === TYPE.reset ||
          ((type === TYPE.headers || type === TYPE.data) && (flags & END_STREAM) !== 0)),
    )
    const bytes = this.bytes(stream)
    if (last.type === TYPE.reset) return { reset: last.payload.readUInt32BE(0), bytes }
    const status = this.#headers.get(stream)?.find(({ name }) => name === 'grpc-status')?.value
    return { bytes, ...(status === undefined ? {} : { status }) }
  }

  /** Bytes of messages received so far on a stream. */
  bytes(stream: number): number {
    const data = this.frames.filter((one) => one.type === TYPE.data && one.stream === stream)
    return data.reduce((sum, { payload }) => sum + payload.length, 0)
  }

  #onData(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#rest, chunk])
    while (bytes.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + bytes.readUIntBE(0, 3)
      if (bytes.length < end) break
      const [type, flags] = [bytes.readUInt8(3), bytes.readUInt8(4)]
      this.#onFrame({ type, flags, stream: bytes.readUInt32BE(5), payload: bytes.subarray(HEAD_BYTES, end) })
      bytes = bytes.subarray(end)
    }
    this.#rest = bytes
    this.#heard.resolve()
    this.#heard = Promise.withResolvers()
  }

  #onFrame(received: ReceivedFrame): void {
    const { type, flags, stream, payload } = received
    this.frames.push(received)
    if (type === TYPE.headers && (flags & PADDED_OR_PRIORITY) === 0) {
      this.#headers.set(stream, (this.#headers.get(stream) ?? []).concat(this.#decoder.decode(payload)))
    } else if (type === TYPE.settings && flags === 0) {
      if (this.#acknowledges) this.#reply(frame(TYPE.settings, ACK, 0))
    } else if (type === TYPE.ping && flags === 0) {
      this.#reply(frame(TYPE.ping, ACK, 0, payload))
    } else if (type === TYPE.data && payload.length > 0) {
      this.#reply(frame(TYPE.window, 0, 0, words(payload.length)))
    }
  }

  #reply(bytes: Buffer): void {
    if (this.#held === undefined) this.send(bytes)
    else this.#held.push(bytes)
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}
