import type net from 'node:net'
import { Duplex } from 'node:stream'
import type { AuthorityRewriter } from './authority-rewriter.ts'

type Written = (error?: Error | null) => void

/**
 * A connection as its client should have spoken. It ends as its socket does, and the other way round; it reads and writes no faster. An
 * error of the socket is no error here: `close` follows.
 */
export class RewrittenStream extends Duplex {
  readonly #socket: net.Socket

  /** `first` has been read and rewritten already. */
  constructor(
    socket: net.Socket,
    rewriter: AuthorityRewriter,
    first: Buffer,
    onHeld: (bytes: number) => void,
  ) {
    super()
    this.#socket = socket
    if (first.length > 0) this.push(first)
    socket.on('data', (chunk: Buffer) => {
      const bytes = rewriter.push(chunk)
      onHeld(rewriter.heldBytes)
      if (bytes.length > 0 && !this.push(bytes)) socket.pause()
    })
    socket.once('end', () => this.push(null))
    socket.once('close', () => this.destroy())
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, written: Written): void {
    this.#socket.write(chunk, written)
  }

  override _writev(chunks: { chunk: Buffer }[], written: Written): void {
    this.#socket.cork()
    for (const [n, { chunk }] of chunks.entries()) {
      this.#socket.write(chunk, n === chunks.length - 1 ? written : undefined)
    }
    this.#socket.uncork()
  }

  override _final(ended: Written): void {
    this.#socket.end(ended)
  }

  override _destroy(_error: Error | null, destroyed: Written): void {
    this.#socket.destroy()
    destroyed(null)
  }
}
