import type { IncomingHttpHeaders, ServerHttp2Stream, ServerOptions } from 'node:http2'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Scheduled } from '../foundation/clock.ts'
import type { Logger } from '../foundation/logger.ts'
import type { Counter, Gauge, Metrics } from '../foundation/metrics.ts'
import { FirstLook } from './authority/first-look.ts'
import type { Call } from './call.ts'
import { type Connection, type ConnectionEvents, LiveConnection } from './connection.ts'
import { DuplexCall } from './duplex-call.ts'
import { CallEndingError, TooManyCallsError, UnknownMethodError } from './errors.ts'
import type { Gate, Handler, Handlers } from './handlers.ts'
import { healthHandlers } from './health.ts'
import { closeSoon, Http2Call } from './http2-call.ts'
import { openSession, sessionOptions, settingsFrame } from './http2-session.ts'
import { type CallCap, OpenCalls } from './open-calls.ts'
import { reflectionHandlers } from './reflection.ts'
import { type Method, method, type ServiceName } from './services.ts'
import { type Status, StatusCode } from './status.ts'
import { ExchangeCall, PushCall, StreamCall } from './stream-call.ts'
import { UnaryCall } from './unary-call.ts'

export interface RpcServerOptions<C> {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  readonly maxStreamsPerConnection: number
  /** Besides the cap of each connection; none unless told. */
  readonly callCap?: CallCap<C>
  /** The longest request; 4 MiB unless told. */
  readonly maxMessageBytes?: number
  /** Take requests with an `:authority` that Node refuses, as is the path of a socket. For sockets, not for TLS. */
  readonly takesAnyAuthority?: boolean
  /** Told of every call that fails, with the error that the peer does not see. */
  readonly onError?: (error: unknown, method: string, caller: C) => void
}

interface Route<C> {
  readonly service: string
  readonly definition: Method
  readonly handler: Handler<C>
  readonly gate: Gate<C> | undefined
}

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024
const SWEEP_MS = 5_000
/** `application/grpc`, alone or with a format or parameters; `application/grpc-web` is another protocol. */
const GRPC = /^application\/grpc(?:$|[+;])/
const METHOD_NOT_ALLOWED = { ':status': 405, allow: 'POST' }
const UNSUPPORTED_MEDIA_TYPE = { ':status': 415 }
/** How long statuses may take to reach the peer of a connection that is being ended. */
const END_CONNECTION_MS = 1_000
const UNKNOWN_METHOD: Method = {
  path: '/unknown',
  requestStream: false,
  responseStream: false,
  requestSerialize: (value) => value as Buffer,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (value) => value as Buffer,
  responseDeserialize: (bytes) => bytes,
}

/**
 * gRPC on connections that listeners of ours have accepted: who calls is fixed before the first byte of HTTP/2, and each
 * connection carries its caller to every call on it. Sessions and calls are made of node:http2 directly: a server of grpc-js would take
 * half as much again of memory and time for each connection, and twice the time for each call.
 */
export class RpcServer<C> implements AsyncDisposable {
  readonly #options: RpcServerOptions<C>
  readonly #sessionOptions: ServerOptions
  readonly #settings: Buffer
  readonly #maxMessageBytes: number
  readonly #routes = new Map<string, Route<C>>()
  readonly #services: ServiceName[] = []
  readonly #connections = new Set<LiveConnection<C>>()
  readonly #openCalls: OpenCalls<C> | undefined
  readonly #byCaller = new Map<C, Set<LiveConnection<C>>>()
  readonly #events: ConnectionEvents<C>
  readonly #streamsOpen: Gauge
  readonly #failed: Counter
  #sweeper: Scheduled | undefined
  #openStreams = 0
  #ending: Promise<void> | undefined

  constructor(options: RpcServerOptions<C>) {
    this.#options = options
    this.#streamsOpen = options.metrics.gauge('streams_open', 'Open gRPC streams', ['api'])
    this.#failed = options.metrics.counter('rpc_failed_total', 'gRPC calls that failed', ['method', 'status'])
    this.#openCalls = options.callCap && new OpenCalls(options.callCap)
    this.#sessionOptions = sessionOptions(options.maxStreamsPerConnection)
    this.#settings = settingsFrame(this.#sessionOptions)
    this.#maxMessageBytes = options.maxMessageBytes ?? MAX_MESSAGE_BYTES
    this.#events = {
      maxMessageBytes: this.#maxMessageBytes,
      nowMs: () => options.clock.monotonicMs(),
      connectionClosed: (connection) => this.#forget(connection),
      callOver: (call, caller) => this.#callOver(call, caller),
      callFailed: (call, status, error, caller) => this.#callFailed(call, status, error, caller),
    }
    this.#sweepLater()
  }

  /** Serves a service. `gate` is asked before each call; methods without a handler are answered UNIMPLEMENTED. */
  add(name: ServiceName, handlers: Handlers<C>, gate?: Gate<C>): void {
    for (const [methodName, handler] of Object.entries(handlers)) {
      const definition = method(name, methodName)
      this.#routes.set(definition.path, { service: name, definition, handler, gate })
    }
    this.#services.push(name)
  }

  /** grpc.health.v1; a server that answers at all is serving. */
  addHealth(): void {
    this.add(
      'grpc.health.v1.Health',
      healthHandlers((name) => name === '' || this.#services.includes(name as ServiceName)),
    )
  }

  /** Reflection, in the version of today and in the one that older tools ask first. */
  addReflection(): void {
    const handlers = reflectionHandlers(() => this.#services)
    this.add('grpc.reflection.v1.ServerReflection', handlers)
    this.add('grpc.reflection.v1alpha.ServerReflection', handlers)
  }

  /** Serves a connection whose other end is `caller`. */
  accept(stream: net.Socket | Duplex, caller: C): Connection<C> {
    const connection = new LiveConnection(stream, caller, this.#events)
    if (this.#ending !== undefined || stream.destroyed) {
      connection.destroy()
      return connection
    }
    this.#connections.add(connection)
    const others = this.#byCaller.get(caller)
    if (others === undefined) this.#byCaller.set(caller, new Set([connection]))
    else others.add(connection)
    if (this.#options.takesAnyAuthority === true && stream instanceof net.Socket) {
      const done = (looked: Duplex): void => this.#serve(connection, looked)
      const { clock } = this.#options
      connection.lookFirst(new FirstLook(stream, { settings: this.#settings, clock, done }))
    } else {
      this.#serve(connection, stream)
    }
    return connection
  }

  #serve(connection: LiveConnection<C>, stream: Duplex): void {
    const session = openSession(stream, this.#sessionOptions)
    session.on('stream', (incoming, headers) => this.#onStream(connection, incoming, headers))
    connection.attach(session)
  }

  /** Ends the open calls of a caller with this error's status, all or those of some methods; its connections stay. */
  endCalls(caller: C, error: unknown, isMeant: (method: string) => boolean = () => true): void {
    for (const connection of this.#byCaller.get(caller) ?? []) {
      for (const call of connection.calls) if (isMeant(call.method)) call.fail(error)
    }
  }

  /**
   * Ends one connection: a status on each call, GOAWAY, close. Halfway to a deadline the calls are reset that a status cannot reach, because
   * their peer grants no window; at the deadline whatever is left is cut.
   */
  endConnection(connection: Connection<C>, error: unknown): void {
    connection.end(error)
    this.#options.clock.schedule(END_CONNECTION_MS / 2, () => connection.cutCalls())
    this.#options.clock.schedule(END_CONNECTION_MS, () => connection.destroy())
  }

  get openStreams(): number {
    return this.#openStreams
  }

  get openConnections(): number {
    return this.#connections.size
  }

  /** Ends every connection so, with UNAVAILABLE, and resolves when they are gone, at the deadline at the latest. */
  shutdown(deadlineMs: number): Promise<void> {
    this.#ending ??= this.#shutDown(deadlineMs)
    return this.#ending
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown(END_CONNECTION_MS)
  }

  async #shutDown(deadlineMs: number): Promise<void> {
    this.#sweeper?.cancel()
    const gone = [...this.#connections].map((connection) => connection.closed)
    for (const connection of this.#connections) connection.end(new CallEndingError('ending'))
    const cut = this.#options.clock.schedule(deadlineMs / 2, () => {
      for (const connection of this.#connections) connection.cutCalls()
    })
    const destroy = this.#options.clock.schedule(deadlineMs, () => {
      for (const connection of this.#connections) connection.destroy()
    })
    await Promise.all(gone)
    cut.cancel()
    destroy.cancel()
  }

  #onStream(connection: LiveConnection<C>, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', ignore) // `close` follows and ends the call
    if (stream.destroyed || stream.closed) return // reset by its peer before it came to us
    const isPost = headers[':method'] === 'POST'
    if (!isPost || !GRPC.test(headers['content-type'] ?? '')) {
      stream.respond(isPost ? UNSUPPORTED_MEDIA_TYPE : METHOD_NOT_ALLOWED, { endStream: true })
      stream.resume()
      closeSoon(stream)
      return
    }
    const base = new Http2Call(stream, headers, this.#maxMessageBytes)
    this.#open(connection, headers[':path'] ?? '', base).start()
  }

  #open(connection: LiveConnection<C>, path: string, base: Http2Call): Call<C> {
    const route = this.#routes.get(path)
    const call =
      route === undefined
        ? new UnaryCall(base, connection, UNKNOWN_METHOD, unknownMethod)
        : routeCall(route, base, connection)
    if (call.isStream) {
      this.#openStreams += 1
      this.#streamsOpen.inc({ api: route?.service ?? '' })
    }
    connection.callStarted(call)
    const isWithinCap = this.#openCalls?.add(connection.caller) ?? true
    const refusal = this.#refusalOf(route, connection, isWithinCap)
    if (refusal !== undefined) process.nextTick(() => call.fail(refusal))
    return call
  }

  /** Why a call is refused by its headers alone; what it would have asked does not matter. */
  #refusalOf(
    route: Route<C> | undefined,
    connection: LiveConnection<C>,
    isWithinCap: boolean,
  ): Error | undefined {
    if (route === undefined) return new UnknownMethodError('unknown method')
    if (connection.calls.size > this.#options.maxStreamsPerConnection) {
      return new TooManyCallsError('too many calls on this connection')
    }
    if (!isWithinCap) return new TooManyCallsError('too many calls of this caller')
    return connection.ending ? new CallEndingError('ending') : undefined
  }

  #callOver(call: Call<C>, caller: C): void {
    this.#openCalls?.remove(caller)
    if (!call.isStream) return
    this.#openStreams -= 1
    this.#streamsOpen.inc({ api: this.#routes.get(call.method)?.service ?? '' }, -1)
  }

  #callFailed(call: Call<C>, status: Status, error: unknown, caller: C): void {
    this.#failed.inc({ method: call.method, status: String(status.code) })
    if (status.code === StatusCode.INTERNAL) {
      this.#options.logger.error(
        { event: 'rpc.failed', method: call.method, err: error },
        'a call failed inside',
      )
    }
    this.#options.onError?.(error, call.method, caller)
  }

  #forget(connection: LiveConnection<C>): void {
    this.#connections.delete(connection)
    const siblings = this.#byCaller.get(connection.caller)
    siblings?.delete(connection)
    if (siblings?.size === 0) this.#byCaller.delete(connection.caller)
  }

  #sweepLater(): void {
    this.#sweeper = this.#options.clock.schedule(SWEEP_MS, () => {
      const now = this.#options.clock.monotonicMs()
      for (const connection of this.#connections) connection.sweep(now)
      if (this.#ending === undefined) this.#sweepLater()
    })
  }
}

function ignore(): void {}

function unknownMethod(): never {
  throw new UnknownMethodError('unknown method')
}

function routeCall<C>(route: Route<C>, base: Http2Call, connection: LiveConnection<C>): Call<C> {
  const { definition, handler, gate } = route
  if ('unary' in handler) return new UnaryCall(base, connection, definition, handler.unary, gate)
  if ('push' in handler) return new PushCall(base, connection, definition, gate, handler.push)
  if ('duplex' in handler) return new DuplexCall(base, connection, definition, gate, handler.duplex)
  if ('exchange' in handler) return new ExchangeCall(base, connection, definition, gate, handler.exchange)
  return new StreamCall(base, connection, definition, gate, handler.stream, handler.finite === true)
}
