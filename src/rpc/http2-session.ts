import { performServerHandshake, type ServerHttp2Session, type ServerOptions } from 'node:http2'
import type { Duplex } from 'node:stream'

/** Far above what a client with some metadata needs, far below what would hurt. */
const MAX_HEADER_LIST_BYTES = 16_384
/** Frames that make no sense in the state of the session; a correct client sends none. */
const MAX_INVALID_FRAMES = 100
/** One-shot readers of a watch cancel each call (go-spiffe does): well above nghttp2's 33 a second, well below a rapid-reset attack. */
const RESETS_PER_SECOND = 500
const RESET_BURST = 2_000
/** In MiB. New streams are refused beyond it. */
const MAX_SESSION_MEMORY = 32

/** What every session of a server has in common. */
export function sessionOptions(maxStreams: number): ServerOptions {
  return {
    maxSessionMemory: MAX_SESSION_MEMORY,
    maxSendHeaderBlockLength: Number.MAX_SAFE_INTEGER,
    settings: {
      maxConcurrentStreams: maxStreams,
      maxHeaderListSize: MAX_HEADER_LIST_BYTES,
      enablePush: false,
    },
    maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    streamResetBurst: RESET_BURST,
    streamResetRate: RESETS_PER_SECOND,
  }
}

/**
 * The server's side of HTTP/2 on a connection that a listener of ours has accepted; no HTTP server listens anywhere. The stream has a
 * listener for errors already. Node's own is taken away: it would destroy the session before the stream has cancelled the writes of its
 * calls. Those calls would never be freed, and if the peer was cut in the middle of a call's trailers, Node would abort when it collects
 * the session (`~Http2Session: current_nghttp2_memory_ == 0`). Node destroys the session at `close` of the stream, too.
 */
export function openSession(stream: Duplex, options: ServerOptions): ServerHttp2Session {
  const before = new Set(stream.listeners('error'))
  const session = performServerHandshake(stream, options)
  for (const added of stream.listeners('error')) {
    if (!before.has(added)) stream.removeListener('error', added as () => void)
  }
  // For the same reason a session that has failed waits for its stream: Node would only end the stream, and let go of the session.
  const destroy = session.destroy.bind(session)
  session.destroy = (error, code) => {
    if (error === undefined || stream.closed) destroy(error, code)
    else stream.destroy()
  }
  session.on('error', ignore) // `close` of the connection follows, and ends its calls
  return session
}

function ignore(): void {}
