import type { Call } from './call.ts'
import type { LiveConnection } from './connection.ts'
import { ConversationCall } from './conversation-call.ts'
import { DuplexCall } from './duplex-call.ts'
import { UnknownMethodError } from './errors.ts'
import type { Gate, Handler, Handlers } from './handlers.ts'
import type { Http2Call } from './http2-call.ts'
import { type Method, method, type ServiceName } from './services.ts'
import { UNKNOWN_METHOD_DETAILS } from './status.ts'
import { ExchangeCall, PushCall, StreamCall } from './stream-call.ts'
import { UnaryCall } from './unary-call.ts'

/** A method with its handler. */
export interface Route<C> {
  readonly service: string
  readonly definition: Method
  readonly handler: Handler<C>
  readonly gate: Gate<C> | undefined
}

const UNKNOWN_METHOD: Method = {
  path: '/unknown',
  requestStream: false,
  responseStream: false,
  requestSerialize: (value) => value as Buffer,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (value) => value as Buffer,
  responseDeserialize: (bytes) => bytes,
}

/** The methods of a server. */
export class Routes<C> {
  readonly #byPath = new Map<string, Route<C>>()
  readonly #services: ServiceName[] = []
  readonly #wrap: (handler: Handler<C>, method: string) => Handler<C>

  /** `wrap` is applied to every handler. */
  constructor(wrap: (handler: Handler<C>, method: string) => Handler<C>) {
    this.#wrap = wrap
  }

  add<Name extends ServiceName>(name: Name, handlers: Handlers<C, Name>, gate?: Gate<C>): void {
    for (const [methodName, handler] of Object.entries<Handler<C>>(handlers)) {
      const definition = method(name, methodName)
      const wrapped = this.#wrap(handler, definition.path)
      this.#byPath.set(definition.path, { service: name, definition, handler: wrapped, gate })
    }
    this.#services.push(name)
  }

  get services(): readonly ServiceName[] {
    return this.#services
  }

  find(path: string | undefined): Route<C> | undefined {
    return this.#byPath.get(path ?? '')
  }
}

/** Makes a call of the kind that its handler needs. Without a route, one that fails with UNIMPLEMENTED. */
export function createCall<C>(
  route: Route<C> | undefined,
  base: Http2Call,
  connection: LiveConnection<C>,
): Call<C> {
  if (route === undefined) return new UnaryCall(base, connection, UNKNOWN_METHOD, unknownMethod)
  const { definition, handler } = route
  if ('unary' in handler) return new UnaryCall(base, connection, definition, handler.unary)
  if ('push' in handler) return new PushCall(base, connection, definition, handler.push)
  if ('duplex' in handler) return new DuplexCall(base, connection, definition, handler.duplex)
  if ('exchange' in handler) return new ExchangeCall(base, connection, definition, handler.exchange)
  if ('converse' in handler) return new ConversationCall(base, connection, definition, handler)
  return new StreamCall(base, connection, definition, handler.stream, handler.finite === true)
}

function unknownMethod(): never {
  throw new UnknownMethodError(UNKNOWN_METHOD_DETAILS)
}
