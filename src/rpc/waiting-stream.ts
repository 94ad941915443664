import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { ByteAccount, ByteHolder } from './byte-budget.ts'

/** Of a stream, and of a header besides its text, roughly. */
const STREAM_BYTES = 4 * 1024
const HEADER_BYTES = 128

/** A stream whose call is begun later: its headers are held until then, and nobody reads what comes. */
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

  /** It waits no longer. */
  leave(): void {
    this.#account.release(this.#bytes)
    this.#bytes = 0
  }

  /** Clients see RESOURCE_EXHAUSTED. */
  evict(): void {
    this.leave()
    this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }
}
