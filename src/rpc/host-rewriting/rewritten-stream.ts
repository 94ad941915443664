import type net from 'node:net'
import { Duplex } from 'node:stream'
import type { AuthorityRewriter } from './authority-rewriter.ts'

type Written = (error?: Error | null) => void

/**
 * A connection whose incoming bytes went through an {@link AuthorityRewriter}. The stream and its
 * socket close together and share backpressure. An error of the socket is not an error of the
 * stream: `close` follows.
 */
export class RewrittenStream extends Duplex {
  readonly #socket: net.Socket

  /** @param first bytes that were read and rewritten before */
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
