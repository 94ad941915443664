import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as the program behind the proxies sees it. */
export interface Seen {
  readonly path: string
  readonly httpVersion: string
  /** What Envoy says of the caller: `By=…;Hash=…;URI=…`. */
  readonly caller: Readonly<Record<string, string>>
  /** The header that callers must not be able to set. */
  readonly xfcc: string
}

/** The program behind a proxy: it answers with what it has seen. */
export class Backend implements AsyncDisposable {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<Backend> {
    const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
      const xfcc = String(request.headers['x-forwarded-client-cert'] ?? '')
      const caller = Object.fromEntries(xfcc.split(';').map((pair) => pair.split(/=(.*)/s).slice(0, 2)))
      const seen: Seen = { path: request.url ?? '', httpVersion: request.httpVersion, caller, xfcc }
      response.setHeader('content-type', 'application/json').end(JSON.stringify(seen))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Backend(server)
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close').catch(() => undefined)
  }
}
