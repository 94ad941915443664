import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { type Duplex, duplexPair } from 'node:stream'
import { NodeUnsupportedError } from './errors.ts'

/*
 * The only file that relies on what `node:http2` does not promise, because of one defect: Node 26 aborts the whole process
 * (`~Http2Session: Assertion failed: (current_nghttp2_memory_) == (0)`) when it lets go of the native half of a session before that of a
 * stream which still holds memory of nghttp2: the fields of trailers that were never complete. A stream is left to the garbage collector
 * when a write of it was waiting on the socket while it was destroyed. Any peer can bring that about. test/fuzz/node-abort.js shows it without
 * anything of this program, and test/integration/rpc-broken-off.test.ts that it does not happen here.
 *
 * Remove all of it once `node --expose-gc test/fuzz/node-abort.js` survives on every Node that is supported (24.22 does, 26.10 does not), and
 * so does `npm run fuzz` without it.
 */

/**
 * Keeps the native half of a session (the held value) until that of one of its streams was collected. Only for streams that may have had a
 * write under way: what is registered outlives every collection of the young heap, which costs more than all else of a short connection.
 */
const keptSessions = new FinalizationRegistry<object>(() => {})

/** What has to be known of a stream while it is open, to be able to keep its session afterwards. */
export interface NativeHalves {
  readonly stream: object
  readonly session: object
}

/** Undefined when the stream is gone already. */
export function nativeHalves(stream: ServerHttp2Stream): NativeHalves | undefined {
  const [ofStream, ofSession] = [handleOf(stream), stream.session && handleOf(stream.session)]
  return ofStream && ofSession ? { stream: ofStream, session: ofSession } : undefined
}

export function keepSession({ stream, session }: NativeHalves): void {
  keptSessions.register(stream, session)
}

/**
 * Keeps the native half of a session until the streams that were destroyed with it are gone, too. Each goes a turn of the loop later, and a
 * collection may come between.
 */
function keepUntilClosed(session: ServerHttp2Session, connection: Duplex): void {
  const native = handleOf(session)
  connection.once('close', () => setImmediate(() => setImmediate(() => void native)))
}

/**
 * Node's handshake without the listener for errors that it puts on the stream: that one would destroy the session before the stream has
 * cancelled the writes of its calls, which would then never be freed. Node destroys the session at `close` of the stream, too.
 */
export function handshakeWithoutErrors(
  stream: Duplex,
  shakeHands: () => ServerHttp2Session,
): ServerHttp2Session {
  const before = new Set(stream.listeners('error'))
  const session = shakeHands()
  keepUntilClosed(session, stream)
  for (const added of stream.listeners('error')) {
    if (!before.has(added)) stream.removeListener('error', added as () => void)
  }
  return session
}

let isChecked = false

/** Once per process, on a session that talks to nobody. @throws NodeUnsupportedError */
export function requireSessionHandles(): void {
  if (isChecked) return
  const [stream, other] = duplexPair()
  const listeners = stream.listenerCount('error')
  const session = performServerHandshake(stream)
  const isAsKnown = handleOf(session) !== undefined && stream.listenerCount('error') > listeners
  session.destroy()
  stream.destroy()
  other.destroy()
  if (!isAsKnown) {
    throw new NodeUnsupportedError(
      `Node ${process.versions.node} hides what keeps its HTTP/2 from ending this program: run it on Node 24 or 26`,
    )
  }
  isChecked = true
}

let handleSymbol: symbol | undefined

function handleOf(of: object): object | undefined {
  handleSymbol ??= Object.getOwnPropertySymbols(of).find(({ description }) => description === 'kHandle')
  return handleSymbol && (of as Record<symbol, object | undefined>)[handleSymbol]
}
