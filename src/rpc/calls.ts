import type { ServiceName } from './services.ts'

export interface UnaryOptions {
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
}

export interface StreamOptions {
  readonly signal?: AbortSignal
}

/** A client of one server. */
export interface RpcCalls extends Disposable {
  /** Makes a unary call. The default deadline is 30 seconds. @throws RpcError */
  unary<Req extends object, Res extends object>(
    service: ServiceName,
    name: string,
    request: Req,
    options?: UnaryOptions,
  ): Promise<Res>
  /**
   * Opens a server stream, without a deadline. It ends when the server sends OK and throws on any
   * other status.
   * @throws RpcError
   */
  stream<Req extends object, Res extends object>(
    service: ServiceName,
    name: string,
    request: Req,
    options?: StreamOptions,
  ): AsyncGenerator<Res>
}

/** The client side of a bidirectional stream on which both sides take turns. Disposing it ends the call. */
export interface Conversation<Req extends object, Res extends object> extends Disposable {
  /**
   * Sends a message and returns the server's next one.
   * @throws RpcError when the server ends the call instead
   */
  say(message: Req): Promise<Res>
}
