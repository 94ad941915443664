import { once } from 'node:events'
import net from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { frame, GREETING, TYPE, words } from './frames.ts'
import { ReferenceDecoder } from './hpack.ts'

interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** How a call ended: with trailers, or a reset. */
export interface RawAnswer {
  readonly reset?: number
  readonly status?: string
  readonly bytes: number
}

const ACK = 1
const END_STREAM = 1
const PADDED_OR_PRIORITY = 0x28

/** HTTP/2 byte by byte on one side, and on the other just enough of a client to know how its calls ended. */
export class RawClient implements Disposable {
  readonly frames: Frame[] = []
  readonly socket: net.Socket
  readonly #acknowledges: boolean
  readonly #headers = new Map<number, { name: string; value: string }[]>()
  readonly #decoder = new ReferenceDecoder()
  #unread = Buffer.alloc(0)
  #heard = Promise.withResolvers<void>()
  #isClosed = false
  #held: Buffer[] | undefined

  private constructor(socket: net.Socket, acknowledges: boolean) {
    this.socket = socket
    this.#acknowledges = acknowledges
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('close', () => {
      this.#isClosed = true
      this.#tell()
    })
  }

  static async connect(path: string, { acknowledges = true } = {}): Promise<RawClient> {
    const socket = net.connect(path)
    await once(socket, 'connect')
    return new RawClient(socket, acknowledges)
  }

  /** Connects, greets, and waits for the server's settings, as most clients of gRPC do. */
  static async greeted(path: string): Promise<RawClient> {
    const client = await RawClient.connect(path)
    client.socket.write(GREETING)
    await client.hears(({ type, flags }) => type === TYPE.settings && flags === 0)
    return client
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** The first frame that is as wanted; rejects when the connection ends without one. */
  async hears(isWanted: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(isWanted)
      if (found !== undefined) return found
      if (this.#isClosed) throw new Error('the connection was closed')
      await this.#heard.promise
    }
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

  /** Sends bytes one by one. */
  async sendByteByByte(bytes: Buffer): Promise<void> {
    this.#held = []
    for (const byte of bytes) {
      this.socket.write(Buffer.of(byte))
      await turn()
    }
    this.socket.write(Buffer.concat(this.#held))
    this.#held = undefined
  }

  /** Bytes of messages so far. */
  bytes(stream: number): number {
    const data = this.frames.filter((one) => one.type === TYPE.data && one.stream === stream)
    return data.reduce((sum, { payload }) => sum + payload.length, 0)
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk])
    while (this.#unread.length >= 9) {
      const end = 9 + this.#unread.readUIntBE(0, 3)
      if (this.#unread.length < end) break
      const [type = 0, flags = 0] = this.#unread.subarray(3, 5)
      const stream = this.#unread.readUInt32BE(5)
      const payload = this.#unread.subarray(9, end)
      this.#unread = this.#unread.subarray(end)
      if (type === TYPE.headers && (flags & PADDED_OR_PRIORITY) === 0) {
        const known = this.#headers.get(stream) ?? []
        this.#headers.set(stream, known.concat(this.#decoder.decode(payload)))
      }
      if (type === TYPE.settings && flags === 0 && this.#acknowledges) {
        this.#reply(frame(TYPE.settings, ACK, 0))
      }
      if (type === TYPE.data && payload.length > 0) {
        this.#reply(frame(TYPE.window, 0, 0, words(payload.length)))
      }
      this.frames.push({ type, flags, stream, payload })
    }
    this.#tell()
  }

  /** What the server wants to hear does not go into the middle of a frame. */
  #reply(bytes: Buffer): void {
    if (this.#held === undefined) this.socket.write(bytes)
    else this.#held.push(bytes)
  }

  #tell(): void {
    this.#heard.resolve()
    this.#heard = Promise.withResolvers()
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}
