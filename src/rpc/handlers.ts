import type { Services } from './gen/services.ts'

/** What a handler gets of its call besides the caller and the request. */
export interface CallContext {
  /** Aborts when the call is over. Created on first use. */
  readonly signal: AbortSignal
  /** Path of the method, `/package.Service/Method`. */
  readonly method: string
  /**
   * Reserves room for the only response of this call until it is sent. Call it before work that
   * cannot be undone.
   * @throws TooManyBytesError when the caller already holds too much for such a response
   */
  expectAnswer(bytes: number): void
}

/** What the headers say of a call. It is dropped once the call is admitted. */
export interface CallHead {
  /** Path of the method, `/package.Service/Method`. */
  readonly method: string
  /** Values of a request header; empty when it is absent. */
  metadata(name: string): readonly string[]
}

/** Answers synchronously or asynchronously, with a message or with an already encoded one. */
export type UnaryHandler<C, Req, Res> = (
  caller: C,
  request: Req,
  context: CallContext,
) => Promise<Res | Buffer> | Res | Buffer

/** Produces messages as fast as the client reads them. */
export type StreamHandler<C, Req, Res> = (
  caller: C,
  request: Req,
  context: CallContext,
) => AsyncIterable<Res | Buffer>

/**
 * For streams that thousands of clients share, without a generator for each. The result is disposed
 * when the call ends.
 */
export type PushHandler<C, Req> = (
  caller: C,
  request: Req,
  sink: StreamSink,
  context: CallContext,
) => Disposable

/** Answers each request of a bidirectional stream with one message, in order. */
export type ExchangeHandler<C, Req, Res> = (caller: C, request: Req, context: CallContext) => Res | Buffer

/**
 * Runs a bidirectional stream on which both sides take turns: it gets the peer's first message,
 * asks as many questions as the method needs, and resolves to the last message.
 */
export type ConversationHandler<C, Req, Res> = (
  caller: C,
  first: Req,
  ask: Ask<Req, Res>,
  context: CallContext,
) => Promise<Res>

/** Sends a message and resolves to the peer's next one. Rejects when the call ends first. */
export type Ask<Req, Res> = (message: Res) => Promise<Req>

/** Limits of one conversation. Exceeding one ends the call. */
export interface ConversationLimits {
  /** Messages that the peer may send. */
  readonly maxMessages: number
  /** Bytes of all these messages together. */
  readonly maxBytes: number
  /** Milliseconds from the headers to the last message. */
  readonly maxMs: number
}

/** The sending end of a pushed stream. */
export interface StreamSink {
  /**
   * Sends a snapshot. While the client does not read, only the newest snapshot waits; older ones
   * are dropped.
   */
  send(message: Buffer): void
  /** Ends the stream with the status of `error`. */
  end(error: unknown): void
  readonly ended: boolean
}

/**
 * For bidirectional streams on which each side sends whenever it has something to send. Called on
 * the first request.
 */
export type DuplexHandler<C, Req> = (caller: C, sink: DuplexSink, context: CallContext) => DuplexListener<Req>

/**
 * The sending end of a duplex stream: one message at a time, so that nothing queues for a client
 * that does not read.
 */
export interface DuplexSink {
  /** A message is being sent. The next one can be sent after `onWritable`. */
  readonly busy: boolean
  send(message: Buffer): void
  /**
   * Sets how many bytes of the client's requests the handler keeps. They count against the caller's
   * limits until the next call of this method or the end of the stream.
   */
  keeps(bytes: number): void
  /** Ends the stream with the status of `error`. */
  end(error: unknown): void
  readonly ended: boolean
}

/** The receiving end of a duplex stream. Disposed when the call ends; an exception ends the stream. */
export interface DuplexListener<Req> extends Disposable {
  onRequest(request: Req): void
  /** The client has taken the last message. */
  onWritable(): void
  /** The client has half-closed the stream; it may still read. */
  onHalfClose(): void
}

/**
 * How one method is answered. The message types are the generated ones; only the compiler checks
 * them, through {@link Handlers}.
 */
export type Handler<C> =
  // biome-ignore-start lint/suspicious/noExplicitAny: each method has its own message types
  | { readonly unary: UnaryHandler<C, any, any> }
  /**
   * A watch that ends is answered UNAVAILABLE, because some clients do not reconnect after OK. A
   * `finite` list ends with OK.
   */
  | { readonly stream: StreamHandler<C, any, any>; readonly finite?: boolean }
  | { readonly push: PushHandler<C, any> }
  | { readonly exchange: ExchangeHandler<C, any, any> }
  | { readonly duplex: DuplexHandler<C, any> }
  | { readonly converse: ConversationHandler<C, any, any>; readonly limits: ConversationLimits }
// biome-ignore-end lint/suspicious/noExplicitAny: each method has its own message types

interface MethodShape {
  readonly kind: 'unary' | 'server_stream' | 'client_stream' | 'duplex'
  readonly request: object
  readonly response: object
}

/** The handler types that fit a method of this shape. */
type HandlerOf<C, M extends MethodShape> = {
  readonly unary: { readonly unary: UnaryHandler<C, M['request'], M['response']> }
  readonly server_stream:
    | { readonly stream: StreamHandler<C, M['request'], M['response']>; readonly finite?: boolean }
    | { readonly push: PushHandler<C, M['request']> }
  readonly client_stream: never
  readonly duplex:
    | { readonly exchange: ExchangeHandler<C, M['request'], M['response']> }
    | { readonly duplex: DuplexHandler<C, M['request']> }
    | {
        readonly converse: ConversationHandler<C, M['request'], M['response']>
        readonly limits: ConversationLimits
      }
}[M['kind']]

/** The handlers of a service, one for each method, by the method names in the .proto file. */
export type Handlers<C, Name extends keyof Services> = {
  readonly [Method in keyof Services[Name]]: Services[Name][Method] extends MethodShape
    ? HandlerOf<C, Services[Name][Method]>
    : never
}

/**
 * Throws when this caller may not make this call. Called when the headers have arrived, before any
 * of the request is held.
 */
export type Gate<C> = (caller: C, head: CallHead) => void
