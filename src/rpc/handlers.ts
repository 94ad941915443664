import type { Services } from './gen/services.ts'

/** What a handler may know of its call besides caller and request. */
export interface CallContext {
  /** Aborts when the call is over; made at first use. */
  readonly signal: AbortSignal
  /** Path of the method: `/package.Service/Method`. */
  readonly method: string
  /**
   * Keeps room for the only answer of this call until it is sent. Call it before work that cannot be undone.
   * @throws TooManyBytesError when the caller holds so much already that such an answer would not fit
   */
  expectAnswer(bytes: number): void
}

/** What is known of a call when its headers have come, and is forgotten when it is let in. */
export interface CallHead {
  /** Path of the method: `/package.Service/Method`. */
  readonly method: string
  /** Values of a request header; none when it is absent. */
  metadata(name: string): readonly string[]
}

/** Answers at once or later, with a message or with bytes that are encoded already. */
export type UnaryHandler<C, Req, Res> = (
  caller: C,
  request: Req,
  context: CallContext,
) => Promise<Res | Buffer> | Res | Buffer

/** Produces messages as fast as the reader takes them. */
export type StreamHandler<C, Req, Res> = (
  caller: C,
  request: Req,
  context: CallContext,
) => AsyncIterable<Res | Buffer>

/** For streams shared by thousands: no generator each. What it returns is disposed when the call is over. */
export type PushHandler<C, Req> = (
  caller: C,
  request: Req,
  sink: StreamSink,
  context: CallContext,
) => Disposable

/** Answers each request of a bidirectional stream with one message, in order. */
export type ExchangeHandler<C, Req, Res> = (caller: C, request: Req, context: CallContext) => Res | Buffer

/**
 * Leads a bidirectional stream on which both sides speak in turn: the peer's first message, as many questions of ours and answers of the
 * peer as the method needs, and what the promise gives as the last message.
 */
export type ConversationHandler<C, Req, Res> = (
  caller: C,
  first: Req,
  ask: Ask<Req, Res>,
  context: CallContext,
) => Promise<Res>

/** Sends a message and gives the peer's next one; rejects when the call is over before. */
export type Ask<Req, Res> = (message: Res) => Promise<Req>

/** What one conversation may take. Whoever goes beyond has the call ended. */
export interface ConversationLimits {
  /** Messages of the peer. */
  readonly maxMessages: number
  /** All of them together. */
  readonly maxBytes: number
  /** From the headers to the last message. */
  readonly maxMs: number
}

/** The reader's end of a pushed stream. */
export interface StreamSink {
  /** Sends a snapshot. While the reader is blocked only the newest one waits; older ones are dropped. */
  send(message: Buffer): void
  /** Ends the stream with the status of this error. */
  end(error: unknown): void
  readonly ended: boolean
}

/** For bidirectional streams on which both sides speak when they have something to say. Called at the first request. */
export type DuplexHandler<C, Req> = (caller: C, sink: DuplexSink, context: CallContext) => DuplexListener<Req>

/** The reader's end of a duplex stream: one message at a time, so that nothing is ever queued for a reader who does not read. */
export interface DuplexSink {
  /** A message is on its way: nothing can be sent before `onWritable`. */
  readonly busy: boolean
  send(message: Buffer): void
  /** So many bytes of what the client has sent are kept until they are told anew, or the stream ends: they count as its requests do. */
  keeps(bytes: number): void
  /** Ends the stream with the status of this error. */
  end(error: unknown): void
  readonly ended: boolean
}

/** This side of a duplex stream. Disposed when the call is over; whatever throws ends the stream. */
export interface DuplexListener<Req> extends Disposable {
  onRequest(request: Req): void
  /** The reader has taken the last message. */
  onWritable(): void
  /** The client will ask for nothing more; it may still read. */
  onHalfClose(): void
}

/** How one method is answered. A message type is the generated one; the server checks none of this, the schema does. */
export type Handler<C> =
  // biome-ignore-start lint/suspicious/noExplicitAny: each method has its own message types
  | { readonly unary: UnaryHandler<C, any, any> }
  /** A watch that comes to its end is answered UNAVAILABLE, for OK is final for some clients; a finite list ends with OK. */
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

/** The ways to answer a method of this shape. */
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

/** The handlers of a service, by the names of the methods in the .proto file: one for each. */
export type Handlers<C, Name extends keyof Services> = {
  readonly [Method in keyof Services[Name]]: Services[Name][Method] extends MethodShape
    ? HandlerOf<C, Services[Name][Method]>
    : never
}

/** Throws when this caller may not make this call; asked when the headers have come, before anything of the request is held. */
export type Gate<C> = (caller: C, head: CallHead) => void
