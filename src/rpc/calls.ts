import type { ServiceName } from './services.ts'

export interface UnaryOptions {
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
}

export interface StreamOptions {
  readonly signal?: AbortSignal
}

/** One server that can be called. */
export interface RpcCalls extends Disposable {
  /** One request, one answer. @throws RpcError */
  unary<Req extends object, Res extends object>(
    service: ServiceName,
    name: string,
    request: Req,
    options?: UnaryOptions,
  ): Promise<Res>
  /** A stream of answers, without a deadline; ends with the server's OK, throws on anything else. @throws RpcError */
  stream<Req extends object, Res extends object>(
    service: ServiceName,
    name: string,
    request: Req,
    options?: StreamOptions,
  ): AsyncGenerator<Res>
}

/** This side of a bidirectional stream on which both sides speak in turn. Disposing it ends the call. */
export interface Conversation<Req extends object, Res extends object> extends Disposable {
  /** Sends a message and gives the server's next one. @throws RpcError when the server ends the call instead */
  say(message: Req): Promise<Res>
}
