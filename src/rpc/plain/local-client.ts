import path from 'node:path'
import { type Clock, systemClock } from '../../foundation/clock.ts'
import type { RpcCalls, StreamOptions, UnaryOptions } from '../calls.ts'
import { type Method, method, type ServiceName } from '../services.ts'
import { RpcError, StatusCode } from '../status.ts'
import { PlainCall } from './plain-call.ts'

interface LocalClientOptions {
  /** Path of the socket. */
  readonly unixPath: string
  /** Request metadata sent with every call. */
  readonly metadata?: Readonly<Record<string, string>>
  readonly clock?: Clock
  /** Added to what is said when nobody answers: how to name another socket. */
  readonly elsewhere?: string
}

const DEADLINE_MS = 30_000
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024

/** Calls a program on this machine. Each call has its own connection. */
export class LocalClient implements RpcCalls {
  readonly #options: LocalClientOptions
  readonly #open = new Set<PlainCall>()

  constructor(options: LocalClientOptions) {
    this.#options = { ...options, unixPath: path.resolve(options.unixPath) }
  }

  async unary<Req extends object, Res extends object>(
    service: ServiceName,
    name: string,
    request: Req,
    { deadlineMs = DEADLINE_MS, signal }: UnaryOptions = {},
  ): Promise<Res> {
    const definition = method(service, name)
    let answer: Buffer | undefined
    const call = this.#start(definition, request, { deadlineMs }, (message) => {
      answer = message
    })
    const error = await this.#endOf(call, signal)
    if (error !== undefined) throw error
    if (answer === undefined) throw this.#unreadable()
    return this.#decode<Res>(definition, answer)
  }

  async *stream<Req extends object, Res extends object>(
    service: ServiceName,
    name: string,
    request: Req,
    { signal }: StreamOptions = {},
  ): AsyncGenerator<Res> {
    const definition = method(service, name)
    const waiting: Buffer[] = []
    let more = Promise.withResolvers<void>()
    using call = this.#start(definition, request, {}, (message) => {
      waiting.push(message)
      call.pause() // at most one read ahead of the consumer
      more.resolve()
    })
    let outcome: { readonly error: RpcError | undefined } | undefined
    void this.#endOf(call, signal).then((error) => {
      outcome = { error }
      more.resolve()
    })
    for (;;) {
      for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
        yield this.#decode<Res>(definition, message)
      }
      if (outcome?.error !== undefined) throw outcome.error
      if (outcome !== undefined) return
      more = Promise.withResolvers<void>()
      call.resume()
      await more.promise
    }
  }

  close(): void {
    for (const call of this.#open) call.cancel()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #start(
    { path: methodPath, requestSerialize }: Method,
    request: object,
    limits: { readonly deadlineMs?: number },
    onMessage: (message: Buffer) => void,
  ): PlainCall {
    const { unixPath, metadata = {}, clock = systemClock } = this.#options
    const call = new PlainCall({
      target: { path: unixPath },
      method: methodPath,
      metadata,
      request: requestSerialize(request),
      maxMessageBytes: MAX_MESSAGE_BYTES,
      clock,
      onMessage,
      ...limits,
    })
    this.#open.add(call)
    return call
  }

  async #endOf(call: PlainCall, signal: AbortSignal | undefined): Promise<RpcError | undefined> {
    const stop = (): void => call.cancel()
    signal?.addEventListener('abort', stop)
    if (signal?.aborted === true) stop()
    const error = this.#withAdvice(await call.ended)
    signal?.removeEventListener('abort', stop)
    this.#open.delete(call)
    return error
  }

  #withAdvice(error: RpcError | undefined): RpcError | undefined {
    const { elsewhere } = this.#options
    if (error?.unreachable !== true || elsewhere === undefined) return error
    const { status, message, unreachable, isForbidden } = error
    return new RpcError(status, `${message}${elsewhere}`, { cause: error, unreachable, isForbidden })
  }

  #decode<Res extends object>(definition: Method, message: Buffer): Res {
    try {
      return definition.responseDeserialize(message) as Res
    } catch {
      throw this.#unreadable()
    }
  }

  #unreadable(): RpcError {
    return new RpcError(StatusCode.INTERNAL, `${this.#options.unixPath} sends what cannot be read`)
  }
}
