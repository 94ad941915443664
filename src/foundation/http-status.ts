import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { CodedError, messageOf } from './errors.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

export interface StatusServerOptions {
  /** host:port; port 0 takes a free one. */
  readonly listen: string
  readonly metrics: Metrics
  /** Why the program is not ready, or undefined: it is. */
  readonly ready: () => string | undefined
  readonly logger: Logger
}

export interface StatusServer extends AsyncDisposable {
  /** host:port that is really bound. */
  readonly address: string
}

/** The address for health and metrics cannot be bound. */
export class StatusListenError extends CodedError {
  override readonly name = 'StatusListenError'
  readonly code = 'ERR_STATUS_LISTEN'
  readonly kind = 'unavailable'
}

const LISTEN = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/
/** A scraper holds one or two. Whoever opens more than this loses the oldest that asks nothing. */
const MAX_CONNECTIONS = 128
const REQUEST_MS = 5_000

/** Serves /livez, /readyz and /metrics over plain HTTP. Nothing secret is ever shown there. */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const [, bracketed, plain, port] = LISTEN.exec(options.listen) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) > 65_535) {
    throw new StatusListenError(`${options.listen} is not an address of the form host:port`)
  }
  // An import of node:http would load all that it names, a WebSocket and what fetch() needs among it: 16 MiB.
  const { createServer } = process.getBuiltinModule('node:http')
  const server = createServer(
    {
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      keepAliveTimeout: 30_000,
      connectionsCheckingInterval: REQUEST_MS,
      maxHeaderSize: 8_192,
    },
    (request, response) => void answer(request, response, options),
  )
  server.maxRequestsPerSocket = 1_000
  keepRoom(server)
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(
        new StatusListenError(`cannot listen on ${options.listen} for metrics: ${messageOf(error)}`, {
          cause: error,
        }),
      )
    }
    server.once('error', fail)
    server.listen({ host, port: Number(port) }, () => {
      server.off('error', fail)
      resolve()
    })
  })
  server.on('error', (error) => options.logger.error({ err: error }, 'status server failed'))
  const bound = server.address() as AddressInfo
  return {
    address: `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/**
 * A new connection always finds room: above the limit the oldest on which nothing is asked goes, else the oldest. So nobody keeps a health
 * check away by holding connections.
 */
function keepRoom(server: Server): void {
  const idle = new Set<Socket>()
  const busy = new Set<Socket>()
  server.on('connection', (socket) => {
    if (idle.size + busy.size >= MAX_CONNECTIONS) {
      const [oldest] = idle.size > 0 ? idle : busy
      oldest?.destroy()
      if (oldest) forget(oldest)
    }
    idle.add(socket)
    socket.once('close', () => forget(socket))
  })
  const forget = (socket: Socket): void => {
    idle.delete(socket)
    busy.delete(socket)
  }
  server.on('request', ({ socket }, response) => {
    idle.delete(socket)
    busy.add(socket)
    response.once('close', () => {
      if (busy.delete(socket) && !socket.destroyed) idle.add(socket)
    })
  })
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: StatusServerOptions,
): Promise<void> {
  request.resume() // a body is not read, only let go
  const path = (request.url ?? '').split('?', 1)[0]
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return say(response, 405, 'only GET\n')
  }
  switch (path) {
    case '/livez':
      return say(response, 200, 'ok\n')
    case '/readyz': {
      const reason = options.ready()
      return reason === undefined ? say(response, 200, 'ok\n') : say(response, 503, `${reason}\n`)
    }
    case '/metrics':
      try {
        return say(response, 200, await options.metrics.expose(), 'text/plain; version=0.0.4; charset=utf-8')
      } catch (error) {
        // One broken collector shall not take the program down; the scraper sees a failed scrape.
        options.logger.error({ err: error }, 'cannot expose metrics')
        return say(response, 500, 'metrics are not available\n')
      }
    default:
      return say(response, 404, 'not found\n')
  }
}

function say(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(text) // node leaves the body out of the answer to HEAD
}
