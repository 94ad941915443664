import { once } from 'node:events'
import net from 'node:net'

const CHANGE_CIPHER_SPEC = 20
const APPLICATION_DATA = 23
/** What HTTP/2 says by itself is shorter than this, an answer with certificates longer. */
const ANSWER_BYTES = 800

/** Passes TCP on to one address, and loses the first answer: the request went through, and then the connection is cut. */
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
      // TLS 1.3: after the client's Finished all that comes from the server are answers.
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

  /** Whether an answer was lost. */
  get hasCut(): boolean {
    return this.#cut()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
  }
}
