import http2, { type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import {
  logVerbosity,
  Server,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  setLogVerbosity,
} from '@grpc/grpc-js'

/**
 * What grpc-js keeps to itself and a server of ours cannot do without: limits for the HTTP/2 session, the session of an injected
 * connection, an answer to unknown methods that does not echo their names, and a reset of one stream. All of it stands in this file,
 * and test/integration/rpc-limits.test.ts fails when a new version moves any of it.
 */
interface ServerInternals {
  readonly commonServerOptions: http2.ServerOptions
  _setupHandlers(server: Http2Server, interceptors: ServerInterceptor[]): void
  _retrieveHandler(path: string): unknown
}

export interface GrpcServerOptions {
  readonly maxStreamsPerConnection: number
  readonly maxMessageBytes: number
  /** Told of each session while its connection is being injected. */
  readonly onSession: (session: ServerHttp2Session) => void
  /** Path whose handler also stands for every method that nobody has registered. */
  readonly unknownMethodPath: string
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
  const retrieveHandler = internals._retrieveHandler.bind(server)
  internals._retrieveHandler = (path) => retrieveHandler(path) ?? retrieveHandler(options.unknownMethodPath)
  return server
}

/** Resets the stream of a call whose reader takes nothing. Clients see RESOURCE_EXHAUSTED; CANCEL would be final for some. */
export function resetStream(call: ServerInterceptingCallInterface): void {
  const { stream } = call as unknown as { readonly stream: ServerHttp2Stream }
  stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
}
