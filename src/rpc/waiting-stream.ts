import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { ByteAccount, ByteHolder } from './byte-budget.ts'

/** Rough memory cost of a stream, and of a header besides its text. */
const STREAM_BYTES = 4 * 1024
const HEADER_BYTES = 128

/** A stream whose call begins later. Its headers are held until then, and its data is not read. */
export class WaitingStream implements ByteHolder {
  readonly #stream: ServerHttp2Stream
  readonly #account: ByteAccount
  #bytes: number

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, account: ByteAccount) {
    this.#stream = stream
    this.#account = account
    this.#bytes = STREAM_BYTES
    for (const [name, value = ''] of Object.entries(headers)) {
      this.#bytes += HEADER_BYTES + name.length + value.length
    }
    account.hold(this.#bytes)
  }

  get looseBytes(): number {
    return this.#bytes
  }

  /** The call begins, or the stream is closed. */
  leave(): void {
    this.#account.release(this.#bytes)
    this.#bytes = 0
  }

  /** Resets the stream. Clients see RESOURCE_EXHAUSTED. */
  evict(): void {
    this.leave()
    this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }
}
