import {
  type CallOptions,
  Client,
  type ClientReadableStream,
  connectivityState,
  credentials,
  logVerbosity,
  Metadata,
  type ServiceError,
  setLogVerbosity,
} from '@grpc/grpc-js'
import { systemClock } from '../foundation/clock.ts'
import { formatHostPort } from '../foundation/host-port.ts'
import type { Conversation, RpcCalls, StreamOptions, UnaryOptions } from './calls.ts'
import { ClientConversation } from './client-conversation.ts'
import { describeFailure } from './client-failure.ts'
import { type ClientTls, type ConnectProgress, createChannelCredentials } from './client-tls.ts'
import { method, type ServiceName } from './services.ts'
import { RpcError, StatusCode } from './status.ts'

export type { ClientTls } from './client-tls.ts'

type RpcTarget =
  | { readonly unixPath: string }
  | { readonly host: string; readonly port: number; readonly tls: ClientTls }

interface RpcClientOptions {
  readonly target: RpcTarget
  /** Request metadata sent with every call. */
  readonly metadata?: Readonly<Record<string, string>>
  readonly connectTimeoutMs?: number
}

/** Long enough for a handshake over a slow line, short enough for a user who waits at a terminal. */
const CONNECT_TIMEOUT_MS = 10_000
const DEADLINE_MS = 30_000
/** An unreachable peer is noticed after both times together, about 20 seconds. */
const KEEPALIVE_MS = 10_000
const KEEPALIVE_TIMEOUT_MS = 10_000
/**
 * Calls fail until the next attempt. The default maximum of grpc-js, two minutes, would keep agents
 * away long after their authority is back.
 */
const RECONNECT = { initialMs: 200, maxMs: 10_000 }
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024

/** One channel to one server. Calls have deadlines; errors are one sentence that names the address. */
export class RpcClient implements RpcCalls {
  readonly #client: Client
  readonly #address: string
  readonly #isUnix: boolean
  readonly #metadata: Readonly<Record<string, string>>
  readonly #connectTimeoutMs: number
  readonly #progress: ConnectProgress = { handshaking: new Set(), stage: 'tcp' }

  constructor(options: RpcClientOptions) {
    setLogVerbosity(logVerbosity.NONE) // callers get the errors; grpc-js would print them, too
    const { target } = options
    this.#isUnix = 'unixPath' in target
    this.#metadata = options.metadata ?? {}
    this.#connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
    const common = {
      'grpc.enable_channelz': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_retries': 0,
      // each channel gets its own connection, so a renewed certificate is presented
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.enable_http_proxy': 0,
      'grpc.initial_reconnect_backoff_ms': RECONNECT.initialMs,
      'grpc.max_reconnect_backoff_ms': RECONNECT.maxMs,
    }
    if ('unixPath' in target) {
      this.#address = target.unixPath
      const unix = { ...common, 'grpc.default_authority': 'localhost' }
      this.#client = new Client(`unix:${target.unixPath}`, credentials.createInsecure(), unix)
    } else {
      this.#address = formatHostPort(target)
      const channel = createChannelCredentials(target.tls, this.#progress)
      this.#client = new Client(this.#address, channel, {
        ...common,
        'grpc.ssl_target_name_override': target.tls.serverName,
        'grpc.default_authority': target.tls.serverName,
        'grpc.keepalive_time_ms': KEEPALIVE_MS,
        'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
        'grpc.keepalive_permit_without_calls': 1,
      })
    }
  }

  /** The connectivity state of the channel. */
  get state(): 'idle' | 'connecting' | 'ready' | 'failing' | 'closed' {
    switch (this.#client.getChannel().getConnectivityState(false)) {
      case connectivityState.IDLE:
        return 'idle'
      case connectivityState.CONNECTING:
        return 'connecting'
      case connectivityState.READY:
        return 'ready'
      case connectivityState.TRANSIENT_FAILURE:
        return 'failing'
      default:
        return 'closed'
    }
  }

  unary<Req extends object, Res extends object>(
    service: ServiceName,
    name: string,
    request: Req,
    options: UnaryOptions = {},
  ): Promise<Res> {
    const { path, requestSerialize, responseDeserialize } = method(service, name)
    const callOptions: CallOptions = { deadline: this.#deadline(options) }
    return new Promise<Res>((resolve, reject) => {
      const stop = (): void => call.cancel()
      const connecting = this.#limitConnecting(stop)
      const call = this.#client.makeUnaryRequest<object, object>(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        this.#requestMetadata(),
        callOptions,
        (error, response) => {
          options.signal?.removeEventListener('abort', stop)
          const timedOut = connecting.stop()
          if (error === null) resolve(response as Res)
          else reject(this.#failure(error, timedOut, options.signal))
        },
      )
      options.signal?.addEventListener('abort', stop)
      if (options.signal?.aborted === true) stop()
    })
  }

  async *stream<Req extends object, Res extends object>(
    service: ServiceName,
    name: string,
    request: Req,
    options: StreamOptions = {},
  ): AsyncGenerator<Res> {
    const { path, requestSerialize, responseDeserialize } = method(service, name)
    const call: ClientReadableStream<object> = this.#client.makeServerStreamRequest<object, object>(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      this.#requestMetadata(),
    )
    const stop = (): void => call.cancel()
    const connecting = this.#limitConnecting(stop)
    options.signal?.addEventListener('abort', stop)
    if (options.signal?.aborted === true) stop()
    let timedOut = false
    call.once('metadata', () => connecting.stop())
    call.once('error', () => {
      timedOut = connecting.stop()
    })
    try {
      for await (const message of call) yield message as Res
    } catch (error) {
      throw this.#failure(error as ServiceError, timedOut, options.signal)
    } finally {
      connecting.stop()
      options.signal?.removeEventListener('abort', stop)
      call.cancel()
    }
  }

  /** Opens a bidirectional stream on which both sides take turns. The deadline covers the whole call. */
  converse<Req extends object, Res extends object>(
    service: ServiceName,
    name: string,
    options: UnaryOptions = {},
  ): Conversation<Req, Res> {
    const { path, requestSerialize, responseDeserialize } = method(service, name)
    const call = this.#client.makeBidiStreamRequest<object, object>(
      path,
      requestSerialize,
      responseDeserialize,
      this.#requestMetadata(),
      { deadline: this.#deadline(options) },
    )
    const stop = (): void => call.cancel()
    const connecting = this.#limitConnecting(stop)
    options.signal?.addEventListener('abort', stop)
    if (options.signal?.aborted === true) stop()
    const over = (): boolean => {
      options.signal?.removeEventListener('abort', stop)
      return connecting.stop()
    }
    return new ClientConversation<Req, Res>(call, {
      over,
      failure: (error) => this.#failure(error, over(), options.signal),
    })
  }

  close(): void {
    this.#client.close()
    for (const socket of this.#progress.handshaking) socket.destroy()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** In wall-clock time, because grpc-js subtracts the wall clock. */
  #deadline({ deadlineMs = DEADLINE_MS }: UnaryOptions): number {
    return systemClock.now().getTime() + deadlineMs
  }

  #requestMetadata(): Metadata {
    const metadata = new Metadata()
    for (const [name, value] of Object.entries(this.#metadata)) metadata.set(name, value)
    return metadata
  }

  /**
   * Cancels a call that gets no connection in time. grpc-js would wait until the call's deadline,
   * which is too long behind a firewall that drops packets.
   */
  #limitConnecting(stop: () => void): { stop(): boolean } {
    let timedOut = false
    if (this.state === 'ready') return { stop: () => false }
    const timer = setTimeout(() => {
      if (this.state === 'ready') return
      timedOut = true
      stop()
    }, this.#connectTimeoutMs)
    return {
      stop: () => {
        clearTimeout(timer)
        return timedOut
      },
    }
  }

  #failure(error: ServiceError, timedOut: boolean, signal: AbortSignal | undefined): RpcError {
    if (signal?.aborted === true) {
      return new RpcError(StatusCode.UNAVAILABLE, 'the call was given up', { cause: signal.reason })
    }
    return describeFailure(error, {
      address: this.#address,
      isUnix: this.#isUnix,
      timedOut,
      state: this.state,
      stage: this.#progress.stage,
    })
  }
}
