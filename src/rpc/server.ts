import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import type { Scheduled } from '../foundation/clock.ts'
import type { Counter, Gauge } from '../foundation/metrics.ts'
import { ByteBudget } from './byte-budget.ts'
import type { Call } from './call.ts'
import { hasLongAddress, headOf } from './call-head.ts'
import {
  type Connection,
  type ConnectionEvents,
  type ConnectionLimits,
  LiveConnection,
  SWEEP_MS,
} from './connection.ts'
import { Decompressor } from './decompressor.ts'
import { CallEndingError, MalformedRequestError, TooManyCallsError, UnknownMethodError } from './errors.ts'
import type { Gate, Handler, Handlers } from './handlers.ts'
import { Health, healthHandlers } from './health.ts'
import { FirstLook } from './host-rewriting/first-look.ts'
import { closeSoon, Http2Call, keepWithoutCall } from './http2-call.ts'
import { openSession, type SessionForm, sessionForm } from './http2-session.ts'
import { requireSessionHandles } from './kept-sessions.ts'
import { LATENCY_BUCKETS, measured } from './measured-handler.ts'
import { OpenCalls } from './open-calls.ts'
import { reflectionHandlers } from './reflection.ts'
import { createCall, type Route, Routes } from './routes.ts'
import { byteLimitsOf, type CallLimits, limitsOf, type RpcServerOptions } from './server-options.ts'
import type { ServiceName } from './services.ts'
import { type Status, StatusCode, toStatus, toStatusWithCode, UNKNOWN_METHOD_DETAILS } from './status.ts'
import { timed } from './timed-handlers.ts'

/** Minimum time between two log lines about evictions. */
const EVICTION_LINE_MS = 10_000
/** What a call costs the event loop besides its start and its handler: HTTP/2 and the response. */
const CALL_MS = 0.07
/** What a failed call costs: the error, its status and its records. */
const FAILURE_MS = 0.1
/** `application/grpc`, with an optional format or parameters. `application/grpc-web` is another protocol. */
const GRPC = /^application\/grpc(?:$|[+;])/
const METHOD_NOT_ALLOWED = { ':status': 405, allow: 'POST' }
const UNSUPPORTED_MEDIA_TYPE = { ':status': 415 }
/** How long statuses may take to reach the peer of a connection that is being ended. */
const END_CONNECTION_MS = 1_000

/**
 * Serves gRPC on connections that our listeners have accepted. The caller is fixed before the first
 * byte of HTTP/2 (decision 0025). Sessions and calls use node:http2 directly: the server of grpc-js
 * takes half as much memory and time again for each connection, and twice the time for each call.
 */
export class RpcServer<C> implements AsyncDisposable {
  readonly #options: RpcServerOptions<C>
  #limits: ConnectionLimits
  readonly #bytes: ByteBudget
  /** By the maximum of open calls. */
  readonly #sessionForms = new Map<number, SessionForm>()
  readonly #routes: Routes<C>
  readonly #connections = new Set<LiveConnection<C>>()
  readonly #openCalls: OpenCalls<C> | undefined
  readonly #byCaller = new Map<C, Set<LiveConnection<C>>>()
  readonly #events: ConnectionEvents<C>
  readonly #streamsOpen: Gauge
  readonly #failed: Counter
  readonly #evicted: Counter
  #evictionLineMs = Number.NEGATIVE_INFINITY
  #health: Health | undefined
  #sweeper: Scheduled | undefined
  #openStreams = 0
  #ending: Promise<void> | undefined

  /** @throws NodeUnsupportedError */
  constructor(options: RpcServerOptions<C>) {
    requireSessionHandles()
    this.#options = options
    const latency = options.metrics.histogram(
      'rpc_seconds',
      'Time from the request of a unary gRPC call to its answer',
      LATENCY_BUCKETS,
      ['method'],
    )
    const nowMs = (): number => options.clock.monotonicMs()
    this.#routes = new Routes((handler, path) => measured(this.#timed(handler), path, latency, nowMs))
    this.#streamsOpen = options.metrics.gauge('streams_open', 'Open gRPC streams', ['api'])
    this.#failed = options.metrics.counter('rpc_failed_total', 'gRPC calls that failed', ['method', 'status'])
    this.#openCalls = options.callCap && new OpenCalls(options.callCap)
    this.#evicted = options.metrics.counter(
      'rpc_evicted_total',
      'Calls and connections that were ended because of the bytes that they held',
    )
    this.#limits = limitsOf(options)
    const limits = byteLimitsOf(options)
    const onEviction = (key: unknown, holders: number): void => this.#noteEviction(key, holders)
    this.#bytes = new ByteBudget({ limits, onEviction })
    const keyOf = options.keyOf ?? ((caller: C) => caller)
    this.#events = {
      decompressor: new Decompressor(),
      nowMs: () => options.clock.monotonicMs(),
      openAccount: (caller, holders) => this.#bytes.open(keyOf(caller), holders),
      connectionClosed: (connection) => this.#forget(connection),
      callOver: (call, caller) => this.#callOver(call, caller),
      callFailed: (call, status, error, caller) => this.#callFailed(call, status, error, caller),
      statusOf: this.#options.showsErrorCodes === true ? toStatusWithCode : toStatus,
    }
    this.#sweepLater()
  }

  /** Adds a service. `gate` is called before each call. Missing methods are answered UNIMPLEMENTED. */
  add<Name extends ServiceName>(name: Name, handlers: Handlers<C, Name>, gate?: Gate<C>): void {
    this.#routes.add(name, handlers, gate)
  }

  /**
   * Sets the limit on calls of a connection for connections to come, because open ones were told
   * theirs, and the cap on calls of a caller for calls to come.
   */
  limit({ maxStreamsPerConnection, maxCallsOfCaller }: CallLimits): void {
    this.#limits = { ...this.#limits, maxCalls: maxStreamsPerConnection }
    this.#sessionForms.clear()
    this.#openCalls?.limit(maxCallsOfCaller)
  }

  #timed(handler: Handler<C>): Handler<C> {
    const { turns, clock } = this.#options
    if (turns === undefined) return handler
    return timed(
      handler,
      () => clock.monotonicMs(),
      (caller, ms) => turns.charge(caller, ms),
    )
  }

  /** Adds grpc.health.v1. It polls `isServing` every few seconds, and at {@link healthMayHaveChanged}. */
  addHealth(isServing: () => boolean, gate?: Gate<C>): void {
    const health = new Health(() => this.#ending === undefined && isServing())
    this.#health = health
    const isKnown = (name: string): boolean =>
      name === '' || this.#routes.services.includes(name as ServiceName)
    this.add('grpc.health.v1.Health', healthHandlers(isKnown, health), gate)
  }

  healthMayHaveChanged(): void {
    this.#health?.look()
  }

  /** Adds reflection, in the current version and in v1alpha, which older tools ask for first. */
  addReflection(): void {
    const handlers = reflectionHandlers(() => this.#routes.services)
    this.add('grpc.reflection.v1.ServerReflection', handlers)
    this.add('grpc.reflection.v1alpha.ServerReflection', handlers)
  }

  /** Serves a connection of `caller`. */
  accept(stream: net.Socket | Duplex, caller: C): Connection<C> {
    const own = this.#options.limitsOf?.(caller)
    const limits = own === undefined ? this.#limits : { ...this.#limits, ...own }
    const connection = new LiveConnection(stream, caller, limits, this.#events)
    if (this.#ending !== undefined || stream.destroyed) {
      connection.destroy()
      return connection
    }
    this.#connections.add(connection)
    const others = this.#byCaller.get(caller)
    if (others === undefined) this.#byCaller.set(caller, new Set([connection]))
    else others.add(connection)
    if (this.#options.takesAnyAuthority === true && stream instanceof net.Socket) {
      const done = (looked: Duplex): void =>
        this.#inTurn(connection, () => this.#serve(connection, looked), 0)
      const { clock } = this.#options
      const { settings } = this.#sessionFormFor(limits)
      const onHeld = (bytes: number): void => connection.countLook(bytes)
      connection.lookFirst(new FirstLook(stream, { settings, clock, onHeld, done }))
    } else {
      this.#serve(connection, stream)
    }
    return connection
  }

  #inTurn({ caller }: LiveConnection<C>, task: () => void, costMs: number): void {
    const { turns } = this.#options
    if (turns === undefined) task()
    else turns.run(caller, task, costMs)
  }

  #serve(connection: LiveConnection<C>, stream: Duplex): void {
    if (stream.destroyed) return
    const session = openSession(stream, this.#sessionFormFor(connection.limits).options)
    if (stream instanceof net.Socket) connection.countLook(0)
    session.on('stream', (incoming, headers) => this.#onStream(connection, incoming, headers))
    connection.attach(session)
  }

  #sessionFormFor({ maxCalls }: ConnectionLimits): SessionForm {
    let form = this.#sessionForms.get(maxCalls)
    if (form === undefined) {
      form = sessionForm(maxCalls)
      this.#sessionForms.set(maxCalls, form)
    }
    return form
  }

  /** Ends a caller's open calls, or those that `isMeant` selects, with the status of `error`. */
  endCalls(caller: C, error: unknown, isMeant: (method: string) => boolean = () => true): void {
    for (const connection of this.#byCaller.get(caller) ?? []) {
      for (const call of connection.calls) if (isMeant(call.method)) call.fail(error)
    }
  }

  /**
   * Ends one connection: a status on each call, GOAWAY, close. After half of the deadline it resets
   * calls whose peer grants no window for a status; at the deadline it closes whatever is left.
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

  /** Bytes of requests that are incomplete or not handled. */
  get heldBytes(): number {
    return this.#bytes.held
  }

  /** Ends every connection in the same way, with UNAVAILABLE. Resolves when all are closed. */
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
    if (stream.destroyed || stream.closed) return // the peer reset it before this event
    let isBegun = false
    let stopWaiting: (() => void) | undefined
    const begin = (): void => {
      isBegun = true
      stopWaiting?.()
      this.#begin(connection, stream, headers)
    }
    this.#inTurn(connection, begin, CALL_MS)
    if (isBegun) return
    keepWithoutCall(stream)
    stopWaiting = connection.waits(stream, headers)
  }

  #begin(connection: LiveConnection<C>, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    if (stream.destroyed || stream.closed) return // reset while it waited
    const isPost = headers[':method'] === 'POST'
    if (!isPost || !GRPC.test(headers['content-type'] ?? '')) {
      keepWithoutCall(stream)
      stream.respond(isPost ? UNSUPPORTED_MEDIA_TYPE : METHOD_NOT_ALLOWED, { endStream: true })
      stream.resume()
      closeSoon(stream)
      return
    }
    const base = new Http2Call(stream, headers, connection)
    this.#open(connection, headers, base).start()
  }

  #open(connection: LiveConnection<C>, headers: IncomingHttpHeaders, base: Http2Call): Call<C> {
    const route = this.#routes.find(headers[':path'])
    const call = createCall(route, base, connection)
    if (call.isStream) {
      this.#openStreams += 1
      this.#streamsOpen.inc({ api: route?.service ?? '' })
    }
    connection.callStarted(call)
    const isWithinCap = this.#openCalls?.add(connection.caller) ?? true
    const refusal = this.#refusalOf(route, connection, isWithinCap, headers)
    if (refusal !== undefined) process.nextTick(() => call.fail(refusal))
    if (connection.callsTooOften) {
      process.nextTick(() => this.endConnection(connection, new TooManyCallsError('too many calls')))
    }
    return call
  }

  /** Returns why a call is refused by its headers alone, or undefined. */
  #refusalOf(
    route: Route<C> | undefined,
    connection: LiveConnection<C>,
    isWithinCap: boolean,
    headers: IncomingHttpHeaders,
  ): unknown {
    if (route === undefined) return new UnknownMethodError(UNKNOWN_METHOD_DETAILS)
    if (connection.calls.size > connection.limits.maxCalls) {
      return new TooManyCallsError('too many calls on this connection')
    }
    if (!isWithinCap) return new TooManyCallsError('too many calls of this caller')
    if (connection.ending) return new CallEndingError('ending')
    if (hasLongAddress(headers)) return new MalformedRequestError('too long an :authority')
    try {
      route.gate?.(connection.caller, headOf(route.definition.path, headers))
      return undefined
    } catch (error) {
      return error
    }
  }

  #noteEviction(key: unknown, holders: number): void {
    this.#evicted.inc({}, holders)
    const now = this.#options.clock.monotonicMs()
    if (now - this.#evictionLineMs < EVICTION_LINE_MS) return
    this.#evictionLineMs = now
    const of = typeof key === 'object' ? {} : { of: key }
    this.#options.logger.warn(
      { event: 'requests.evicted', calls: holders, ...of },
      'calls are ended because their requests hold too many bytes',
    )
  }

  #callOver(call: Call<C>, caller: C): void {
    this.#openCalls?.remove(caller)
    if (!call.isStream) return
    this.#openStreams -= 1
    this.#streamsOpen.inc({ api: this.#routes.find(call.method)?.service ?? '' }, -1)
  }

  #callFailed(call: Call<C>, status: Status, error: unknown, caller: C): void {
    this.#options.turns?.charge(caller, FAILURE_MS)
    this.#failed.inc({ method: call.method, status: String(status.code) })
    if (status.code === StatusCode.INTERNAL) {
      this.#options.logger.error(
        { event: 'rpc.failed', method: call.method, err: error },
        'a call failed with an internal error',
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
      this.#health?.look()
      if (this.#ending === undefined) this.#sweepLater()
    })
  }
}

function ignore(): void {}
