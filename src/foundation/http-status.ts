import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Clock, Scheduled } from './clock.ts'
import { CodedError, messageOf } from './errors.ts'
import { formatHostPort, type HostPort, parseHostPort } from './host-port.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

interface StatusServerOptions {
  /** `host:port`; port 0 chooses a free port. */
  readonly listen: string
  readonly metrics: Metrics
  readonly ready: () => Readiness
  readonly logger: Logger
  readonly clock: Pick<Clock, 'monotonicMs' | 'schedule'>
}

/** Whether the program can do its work now. `note` says why not, or what is not as it should be. */
export interface Readiness {
  readonly isReady: boolean
  readonly note?: string
}

interface StatusServer extends AsyncDisposable {
  /** The bound address, `host:port`. */
  readonly address: string
}

/** The address for health and metrics cannot be bound. */
class StatusListenError extends CodedError {
  override readonly name = 'StatusListenError'
  readonly code = 'ERR_STATUS_LISTEN'
  readonly kind = 'unavailable'
}

/** A scraper holds one or two connections. Above this number the oldest idle one is closed. */
const MAX_CONNECTIONS = 128
/** How long a request may take to arrive, from its first byte. */
const REQUEST_MS = 5_000
const IDLE_MS = 30_000
const MAX_HEAD_LENGTH = 8_192
/** How old cached figures may be, so that frequent scrapes do not keep the program busy. */
const MAX_AGE_MS = 250

/**
 * Serves /livez, /readyz and /metrics over plain HTTP. The responses contain no secrets. Anyone may
 * connect, so this implements only as much HTTP as health checks and scrapers need. Node's HTTP
 * server would accept thousands of requests before it does anything else; here a connection has one
 * request at a time, without a body.
 * @throws StatusListenError
 */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const where = readListen(options.listen)
  const answers = new Answers(options)
  const connections = new Connections()
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    connections.add(new StatusConnection(socket, answers, options.clock, connections)),
  )
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(
        new StatusListenError(`cannot listen on ${options.listen} for metrics: ${messageOf(error)}`, {
          cause: error,
        }),
      )
    }
    server.once('error', fail)
    server.listen(where, () => {
      server.off('error', fail)
      resolve()
    })
  })
  server.on('error', (error) => options.logger.error({ err: error }, 'status server failed'))
  const bound = server.address() as AddressInfo
  return {
    address: formatHostPort({ host: bound.address, port: bound.port }),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        connections.endAll()
      }),
  }
}

function readListen(text: string): HostPort {
  try {
    return parseHostPort(text)
  } catch (cause) {
    throw new StatusListenError(`cannot listen on ${text} for metrics: ${messageOf(cause)}`, { cause })
  }
}

/**
 * The open connections. A new one always finds room: above the limit it displaces the oldest idle
 * connection, else the oldest, so that holding connections does not block health checks.
 */
class Connections {
  readonly #idle = new Set<StatusConnection>()
  readonly #busy = new Set<StatusConnection>()

  add(connection: StatusConnection): void {
    if (this.#idle.size + this.#busy.size >= MAX_CONNECTIONS) {
      const [oldest] = this.#idle.size > 0 ? this.#idle : this.#busy
      if (oldest !== undefined) {
        this.remove(oldest)
        oldest.end()
      }
    }
    this.#idle.add(connection)
  }

  setBusy(connection: StatusConnection): void {
    if (this.#idle.delete(connection)) this.#busy.add(connection)
  }

  setIdle(connection: StatusConnection): void {
    if (this.#busy.delete(connection)) this.#idle.add(connection)
  }

  remove(connection: StatusConnection): void {
    this.#idle.delete(connection)
    this.#busy.delete(connection)
  }

  endAll(): void {
    for (const connection of [...this.#idle, ...this.#busy]) connection.end()
  }
}

/** One connection of a client, with at most one request at a time. */
class StatusConnection {
  readonly #socket: Socket
  readonly #answers: Answers
  readonly #clock: Pick<Clock, 'schedule'>
  readonly #connections: Connections
  #head = ''
  #deadline: Scheduled | undefined
  #isAsking = false
  /** The client has ended its side and waits for its response. */
  #hasEnded = false

  constructor(socket: Socket, answers: Answers, clock: Pick<Clock, 'schedule'>, connections: Connections) {
    this.#socket = socket
    this.#answers = answers
    this.#clock = clock
    this.#connections = connections
    socket.on('error', () => {}) // `close` follows
    socket.on('close', () => {
      this.#deadline?.cancel()
      connections.remove(this)
    })
    socket.setTimeout(IDLE_MS, () => socket.destroy())
    socket.setEncoding('latin1').on('data', (text) => this.#onText(String(text)))
    socket.on('end', () => {
      this.#hasEnded = true
      if (!this.#isAsking) socket.end()
    })
  }

  end(): void {
    this.#socket.destroy()
  }

  #onText(text: string): void {
    // A client that sends a second request before its response has no good reason.
    if (this.#isAsking || this.#head.length + text.length > MAX_HEAD_LENGTH) {
      this.end()
      return
    }
    this.#head += text
    const end = this.#head.indexOf('\r\n\r\n')
    if (end < 0) {
      this.#deadline ??= this.#clock.schedule(REQUEST_MS, () => this.end())
      return
    }
    this.#deadline?.cancel()
    this.#deadline = undefined
    const isAll = this.#head.length === end + 4
    const request = readRequest(this.#head.slice(0, end))
    this.#head = ''
    this.#isAsking = true
    this.#connections.setBusy(this)
    this.#answer(isAll ? request : { ...request, keepsAlive: false, hasBody: true })
  }

  #answer(request: Request): void {
    const { status, text, type = 'text/plain; charset=utf-8' } = this.#answers.to(request)
    if (this.#socket.destroyed) return
    const keepsAlive = request.keepsAlive && !this.#hasEnded
    const lines = [
      `HTTP/1.1 ${status}`,
      `content-type: ${type}`,
      `content-length: ${Buffer.byteLength(text)}`,
      'cache-control: no-store',
      'x-content-type-options: nosniff',
      ...(status.startsWith('405') ? ['allow: GET, HEAD'] : []),
      `connection: ${keepsAlive ? 'keep-alive' : 'close'}`,
    ]
    const whole = `${lines.join('\r\n')}\r\n\r\n${request.method === 'HEAD' ? '' : text}`
    if (!keepsAlive) {
      this.#socket.write(whole)
      this.#socket.destroySoon()
      return
    }
    this.#socket.write(whole, () => {
      this.#isAsking = false
      this.#connections.setIdle(this)
      if (this.#hasEnded) this.#socket.end()
    })
  }
}

interface Request {
  /** Empty when the request is not HTTP. */
  readonly method: string
  readonly path: string
  readonly hasBody: boolean
  readonly keepsAlive: boolean
}

const REQUEST_LINE = /^([A-Z]{1,32}) (\S+) HTTP\/1\.([01])$/

function readRequest(head: string): Request {
  const [first = '', ...rest] = head.split('\r\n')
  const [, method = '', target = '', minor] = REQUEST_LINE.exec(first) ?? []
  const headers = new Map(
    rest.map((line) => {
      const colon = line.indexOf(':')
      return [
        line.slice(0, colon).toLowerCase(),
        line
          .slice(colon + 1)
          .trim()
          .toLowerCase(),
      ]
    }),
  )
  const hasBody = (headers.get('content-length') ?? '0') !== '0' || headers.has('transfer-encoding')
  const asked = headers.get('connection') ?? (minor === '1' ? 'keep-alive' : 'close')
  const keepsAlive = method !== '' && !hasBody && asked === 'keep-alive'
  const path = target.replace(/^http:\/\/[^/]*/, '').split('?', 1)[0] ?? ''
  return { method, path, hasBody, keepsAlive }
}

interface Answer {
  readonly status: string
  readonly text: string
  readonly type?: string
}

class Answers {
  readonly #options: StatusServerOptions
  #metricsText: { readonly text: string; readonly createdMs: number } | undefined

  constructor(options: StatusServerOptions) {
    this.#options = options
  }

  to({ method, path, hasBody }: Request): Answer {
    if (method === '') return { status: '400 Bad Request', text: 'no HTTP\n' }
    if (method !== 'GET' && method !== 'HEAD') return { status: '405 Method Not Allowed', text: 'only GET\n' }
    if (hasBody) return { status: '400 Bad Request', text: 'no body is expected\n' }
    switch (path) {
      case '/livez':
        return { status: '200 OK', text: 'ok\n' }
      case '/readyz': {
        const { isReady, note } = this.#options.ready()
        if (!isReady) return { status: '503 Service Unavailable', text: `${note ?? 'not ready'}\n` }
        return { status: '200 OK', text: note === undefined ? 'ok\n' : `ok: ${note}\n` }
      }
      case '/metrics':
        return this.#metrics()
      default:
        return { status: '404 Not Found', text: 'not found\n' }
    }
  }

  #metrics(): Answer {
    const { metrics, clock, logger } = this.#options
    const nowMs = clock.monotonicMs()
    try {
      if (this.#metricsText === undefined || nowMs - this.#metricsText.createdMs >= MAX_AGE_MS) {
        this.#metricsText = { text: metrics.expose(), createdMs: nowMs }
      }
      const { text } = this.#metricsText
      return { status: '200 OK', text, type: 'text/plain; version=0.0.4; charset=utf-8' }
    } catch (error) {
      // A broken collector must not stop the program. The scraper sees a failed scrape.
      logger.error({ err: error }, 'cannot expose metrics')
      return { status: '500 Internal Server Error', text: 'metrics are not available\n' }
    }
  }
}
