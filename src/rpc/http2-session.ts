import {
  getPackedSettings,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerOptions,
} from 'node:http2'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { handshakeWithoutErrors } from './kept-sessions.ts'

/** Far above what a client with some metadata needs, far below what would hurt. */
const MAX_HEADER_LIST_BYTES = 16_384
/** Frames that make no sense in the state of the session; a correct client sends none. */
const MAX_INVALID_FRAMES = 100
/** One-shot readers of a watch cancel each call (go-spiffe does): well above nghttp2's 33 a second, well below a rapid-reset attack. */
const RESETS_PER_SECOND = 500
const RESET_BURST = 2_000
/** In MiB. New streams are refused beyond it. */
const MAX_SESSION_MEMORY = 32

/** What sessions have in common in which so many calls may be open. */
export interface SessionForm {
  readonly options: ServerOptions
  /** What they say first. */
  readonly settings: Buffer
}

export function sessionForm(maxStreams: number): SessionForm {
  const options = sessionOptions(maxStreams)
  return { options, settings: settingsFrame(options) }
}

function sessionOptions(maxStreams: number): ServerOptions {
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

const SETTINGS_HEAD = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])

function settingsFrame({ settings = {} }: ServerOptions): Buffer {
  const payload = getPackedSettings(settings)
  const frame = Buffer.concat([SETTINGS_HEAD, payload])
  frame.writeUIntBE(payload.length, 0, 3)
  return frame
}

/**
 * The server's side of HTTP/2 on a connection that a listener of ours has accepted; no HTTP server listens anywhere. The stream has a
 * listener for errors already. A session that has failed waits for its stream: Node would only end the stream, and let go of the session,
 * which it must not (kept-sessions.ts).
 */
export function openSession(stream: Duplex, options: ServerOptions): ServerHttp2Session {
  const session = handshakeWithoutErrors(stream, () => performServerHandshake(stream, options))
  const destroy = session.destroy.bind(session)
  const isNative = stream instanceof net.Socket
  session.destroy = (error, code) => {
    // What Node has wrapped cancels its writes only a turn after it was closed; then Node destroys the session by itself. An error has no
    // part in it: Node would make three more of it for streams that nobody asks for the reason, and it comes with each end of a grpc-go.
    if (error === undefined && (isNative || !stream.destroyed)) destroy(undefined, code)
    else stream.destroy()
  }
  session.on('error', ignore) // `close` of the connection follows, and ends its calls
  return session
}

function ignore(): void {}
