import { once } from 'node:events'
import net from 'node:net'

const CHANGE_CIPHER_SPEC = 20
const APPLICATION_DATA = 23
/** Frames that HTTP/2 sends by itself are shorter than this; a response with certificates is longer. */
const ANSWER_BYTES = 800

/**
 * Forwards TCP to one address, but closes the connection at the first response: the request was
 * handled, its response is lost.
 */
export class CuttingProxy implements AsyncDisposable {
  readonly address: string
  readonly #server: net.Server
  readonly #cut: () => boolean

  private constructor(server: net.Server, cut: () => boolean) {
    this.#server = server
    this.#cut = cut
    this.address = `127.0.0.1:${(server.address() as net.AddressInfo).port}`
  }

  static async start(target: string): Promise<CuttingProxy> {
    let cut = false
    const server = net.createServer((client) => {
      const upstream = net.connect(Number(target.split(':').at(-1)), '127.0.0.1')
      const destroy = (): void => {
        client.destroy()
        upstream.destroy()
      }
      for (const socket of [client, upstream]) socket.on('error', destroy).on('close', destroy)
      // TLS 1.3: after the client's Finished the server sends only responses.
      let handshakeDone = false
      client.on('data', (bytes) => {
        if (bytes[0] === CHANGE_CIPHER_SPEC || bytes[0] === APPLICATION_DATA) handshakeDone = true
        upstream.write(bytes)
      })
      upstream.on('data', (bytes) => {
        if (!cut && handshakeDone && bytes.length >= ANSWER_BYTES) {
          cut = true
          destroy()
        } else client.write(bytes)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new CuttingProxy(server, () => cut)
  }

  /** Whether a response was lost. */
  get hasCut(): boolean {
    return this.#cut()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
  }
}
