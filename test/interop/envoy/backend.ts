import { once } from 'node:events'
import {
  createServer as createHttp1,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import {
  createServer as createHttp2,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** A request as the program behind the proxies sees it. */
export interface Seen {
  readonly httpVersion: string
  /** Envoy's description of the caller: `By=…;Hash=…;URI=…`. */
  readonly caller: Readonly<Record<string, string>>
  /** The unparsed header. */
  readonly xfcc: string
}

/**
 * The program behind a proxy. It answers with what it has seen, over HTTP/1.1 and HTTP/2 without
 * TLS, and echoes bytes after an upgrade.
 */
export class Backend implements AsyncDisposable {
  readonly #http1: Server
  readonly #http2: Http2Server
  readonly #sockets = new Set<Socket>()
  readonly #listener = createServer((socket) => this.#accept(socket))

  private constructor() {
    this.#http1 = createHttp1({ keepAliveTimeout: 600_000 }, answer)
    this.#http1.on('upgrade', (_request, socket: Duplex) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
      socket.pipe(socket)
    })
    this.#http2 = createHttp2(answer)
  }

  static async start(): Promise<Backend> {
    const backend = new Backend()
    backend.#listener.listen(0, '127.0.0.1')
    await once(backend.#listener, 'listening')
    return backend
  }

  get address(): string {
    return `127.0.0.1:${(this.#listener.address() as AddressInfo).port}`
  }

  /** Chooses the protocol by the first bytes: HTTP/2 begins with a method that HTTP/1.1 does not have. */
  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined) // the proxy may close first
    socket.once('close', () => this.#sockets.delete(socket))
    socket.once('readable', () => {
      const first: Buffer | null = socket.read()
      if (first === null) return
      socket.unshift(first)
      const server = first.toString('latin1').startsWith('PRI ') ? this.#http2 : this.#http1
      server.emit('connection', socket)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#listener, 'close')
  }
}

function answer(
  { headers, httpVersion }: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): void {
  const xfcc = String(headers['x-forwarded-client-cert'] ?? '')
  const caller = Object.fromEntries(xfcc.split(';').map((pair) => pair.split(/=(.*)/s).slice(0, 2)))
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ httpVersion, caller, xfcc } satisfies Seen))
}
