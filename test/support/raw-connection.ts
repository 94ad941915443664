import { once } from 'node:events'
import net from 'node:net'
import { frame, GREETING, TYPE, words } from './frames.ts'

/** A frame as the server sent it. */
export interface ReceivedFrame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

const HEAD_BYTES = 9

/** A connection of HTTP/2 of which the test writes every frame and sees every frame. */
export class RawConnection implements Disposable {
  readonly socket: net.Socket
  readonly frames: ReceivedFrame[] = []
  /** Whether PINGs of the server are answered. */
  answersPings = false
  /** Resolves when the connection is over, however it ended. */
  readonly closed: Promise<void>
  #rest: Buffer = Buffer.alloc(0)
  #heard = Promise.withResolvers<void>()

  private constructor(socket: net.Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.once('close', () => this.#heard.resolve())
  }

  /** Connected, and greeted unless told otherwise. */
  static async open(socketPath: string, greeting: Buffer = GREETING): Promise<RawConnection> {
    const socket = net.connect(socketPath)
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    const connection = new RawConnection(socket)
    socket.write(greeting)
    return connection
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames))
  }

  /** Writes what comes next as fast as it is taken, until the connection is over. What is received meanwhile is forgotten. */
  async flood(next: () => Buffer): Promise<void> {
    while (!this.socket.destroyed) {
      const taken = new Promise<void>((resolve) => this.socket.write(next(), () => resolve()))
      await Promise.race([taken, this.closed])
      this.frames.length = 0
    }
  }

  /** The first frame of those that have come, or will come, for which this holds; undefined when the connection ends before. */
  async until(wanted: (frame: ReceivedFrame) => boolean): Promise<ReceivedFrame | undefined> {
    for (;;) {
      const found = this.frames.find(wanted)
      if (found !== undefined || this.socket.destroyed) return found
      await this.#heard.promise
    }
  }

  /** Whether the connection is still of use: a PING is answered. */
  async answers(): Promise<boolean> {
    const data = words(Date.now() >>> 0, this.frames.length)
    this.send(frame(TYPE.ping, 0, 0, data))
    const answer = await this.until(
      ({ type, flags, payload }) => type === TYPE.ping && flags === 1 && payload.equals(data),
    )
    return answer !== undefined
  }

  #onData(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#rest, chunk])
    while (bytes.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + bytes.readUIntBE(0, 3)
      if (bytes.length < end) break
      const [type, flags] = [bytes.readUInt8(3), bytes.readUInt8(4)]
      const stream = bytes.readUInt32BE(5) & 0x7fffffff
      const payload = bytes.subarray(HEAD_BYTES, end)
      this.frames.push({ type, flags, stream, payload })
      if (this.answersPings && type === TYPE.ping && flags === 0) this.send(frame(TYPE.ping, 1, 0, payload))
      bytes = bytes.subarray(end)
    }
    this.#rest = bytes
    const heard = this.#heard
    this.#heard = Promise.withResolvers<void>()
    heard.resolve()
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}
