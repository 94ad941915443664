import {
  getPackedSettings,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerOptions,
} from 'node:http2'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { handshakeWithoutErrors } from './kept-sessions.ts'

/** Far above what a client with some metadata needs, and still harmless. */
const MAX_HEADER_LIST_BYTES = 16_384
/** Frames that are invalid in the state of the session. A correct client sends none. */
const MAX_INVALID_FRAMES = 100
/**
 * Clients such as go-spiffe that read one message of a watch cancel each call. This is well above
 * nghttp2's default of 33 a second, and well below a rapid-reset attack.
 */
const RESETS_PER_SECOND = 500
const RESET_BURST = 2_000
/** In MiB. Beyond it Node refuses new streams. */
const MAX_SESSION_MEMORY = 32

/** What sessions with the same maximum of open calls share. */
export interface SessionForm {
  readonly options: ServerOptions
  /** The SETTINGS frame that they send first. */
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
 * Opens the server side of HTTP/2 on a connection that one of our listeners accepted; there is no
 * HTTP server. The stream must already have a listener for errors. A failed session is destroyed
 * only after its stream: Node would release the session first, which aborts the process
 * (kept-sessions.ts).
 */
export function openSession(stream: Duplex, options: ServerOptions): ServerHttp2Session {
  const session = handshakeWithoutErrors(stream, () => performServerHandshake(stream, options))
  const destroy = session.destroy.bind(session)
  const isNative = stream instanceof net.Socket
  session.destroy = (error, code) => {
    // A stream that is not a socket cancels its writes one turn after it closes; then Node destroys
    // the session itself. The error is not passed on: Node would copy it for each stream, although
    // nothing reads it, and every disconnecting grpc-go client causes one.
    if (error === undefined && (isNative || !stream.destroyed)) destroy(undefined, code)
    else stream.destroy()
  }
  session.on('error', ignore) // `close` of the connection follows and ends its calls
  return session
}

function ignore(): void {}
