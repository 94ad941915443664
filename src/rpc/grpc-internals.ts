import type http2 from 'node:http2'
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { logVerbosity, Server, type ServerInterceptor, setLogVerbosity } from '@grpc/grpc-js'
import { Http2Call } from './http2-call.ts'

/**
 * What grpc-js keeps to itself and a server of ours cannot do without: limits for the HTTP/2 session, the session of an injected
 * connection, and its streams before grpc-js makes calls of its own of them, which cost a third more. All of it stands in this file,
 * and test/integration/rpc-limits.test.ts fails when a new version moves any of it. No method is registered with grpc-js, so that a
 * stream which did not come this way would be refused.
 */
interface ServerInternals {
  readonly commonServerOptions: http2.ServerOptions
  _setupHandlers(server: Http2Server, interceptors: ServerInterceptor[]): void
  _streamHandler(
    interceptors: ServerInterceptor[],
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
  ): void
  onStreamOpened(stream: ServerHttp2Stream): void
}

export interface GrpcServerOptions {
  readonly maxStreamsPerConnection: number
  readonly maxMessageBytes: number
  /** Told of each session while its connection is being injected. */
  readonly onSession: (session: ServerHttp2Session) => void
}

/** Far above what a client with some metadata needs, far below what would hurt. */
const MAX_HEADER_LIST_BYTES = 16_384
/** Frames that make no sense in the state of the session; a correct client sends none. */
const MAX_INVALID_FRAMES = 100
/** One-shot readers of a watch cancel each call (go-spiffe does): well above nghttp2's 33 a second, well below a rapid-reset attack. */
const RESETS_PER_SECOND = 500
const RESET_BURST = 2_000
/** In MiB. New streams are refused beyond it; grpc-js would switch the limit off. */
const MAX_SESSION_MEMORY = 32

/** A server of grpc-js with our limits. */
export function createGrpcServer(options: GrpcServerOptions): Server {
  setLogVerbosity(logVerbosity.NONE) // grpc-js prints what peers send to stderr
  const server = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': options.maxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': options.maxStreamsPerConnection,
    'grpc-node.max_session_memory': MAX_SESSION_MEMORY,
  })
  const internals = server as unknown as ServerInternals
  Object.assign(internals.commonServerOptions, {
    settings: {
      ...internals.commonServerOptions.settings,
      maxHeaderListSize: MAX_HEADER_LIST_BYTES,
      enablePush: false,
    },
    maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    streamResetBurst: RESET_BURST,
    streamResetRate: RESETS_PER_SECOND,
  } satisfies http2.ServerOptions)
  const setUpHandlers = internals._setupHandlers.bind(server)
  internals._setupHandlers = (httpServer, interceptors) => {
    setUpHandlers(httpServer, interceptors)
    httpServer.on('session', options.onSession)
  }
  internals._streamHandler = (interceptors, stream, headers) => {
    stream.on('error', ignore) // `close` follows and ends the call
    internals.onStreamOpened(stream)
    const [open] = interceptors
    if (open === undefined || headers['content-type']?.startsWith('application/grpc') !== true) {
      stream.respond({ ':status': 415 }, { endStream: true })
      return
    }
    const base = new Http2Call(stream, headers, options.maxMessageBytes)
    // Made by openerOf, which turns these back into what they are.
    const call = open({ path: headers[':path'] } as never, base as never) as unknown as StartedCall
    call.start()
  }
  return server
}

interface StartedCall {
  start(): void
}

/** What opens a call, in the shape in which grpc-js carries it with a connection. */
export function openerOf(open: (path: string, base: Http2Call) => StartedCall): ServerInterceptor {
  return (definition, base) => open(definition.path, base as never) as never
}

function ignore(): void {}
