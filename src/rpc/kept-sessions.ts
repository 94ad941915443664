import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { type Duplex, duplexPair } from 'node:stream'
import { NodeUnsupportedError } from './errors.ts'

/*
 * This is the only file that relies on internals of `node:http2`. It works around one defect: Node
 * 26 aborts the whole process (`~Http2Session: Assertion failed: (current_nghttp2_memory_) == (0)`)
 * when it frees the native half of a session before that of a stream which still holds memory of
 * nghttp2, namely the fields of incomplete trailers. A stream is left to the garbage collector when
 * it is destroyed while one of its writes waits for the socket. Any peer can cause that.
 * test/fuzz/node-abort.js shows the defect without any code of this program;
 * test/integration/rpc-broken-off.test.ts shows that it does not happen here.
 *
 * Remove all of it once `node --expose-gc test/fuzz/node-abort.js` survives on every supported Node
 * (24.22 does, 26.10 does not), and `npm run fuzz` passes without it.
 */

/**
 * Keeps the native half of a session (the held value) until that of one of its streams is
 * collected. Used only for streams that may have had a write under way: every registration outlives
 * the collections of the young heap, which costs more than the rest of a short connection.
 */
const keptSessions = new FinalizationRegistry<object>(() => {})

/** What must be recorded of an open stream to keep its session afterwards. */
interface NativeHalves {
  readonly stream: object
  readonly session: object
}

/** Returns undefined when the stream is already gone. */
export function nativeHalves(stream: ServerHttp2Stream): NativeHalves | undefined {
  const [ofStream, ofSession] = [handleOf(stream), stream.session && handleOf(stream.session)]
  return ofStream && ofSession ? { stream: ofStream, session: ofSession } : undefined
}

export function keepSession({ stream, session }: NativeHalves): void {
  keptSessions.register(stream, session)
}

/**
 * Keeps the native half of a session until the streams destroyed with it are gone, too. Each of
 * them is freed one turn of the event loop later, and a garbage collection may come in between.
 */
function keepUntilClosed(session: ServerHttp2Session, connection: Duplex): void {
  const native = handleOf(session)
  connection.once('close', () => setImmediate(() => setImmediate(() => void native)))
}

/**
 * Runs Node's handshake without the `error` listener that it puts on the stream. That listener
 * would destroy the session before the stream has cancelled the writes of its calls, which would
 * then never be freed. Node also destroys the session on `close` of the stream.
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

/**
 * Checks, once per process and on a session without a peer, that the internals are as expected.
 * @throws NodeUnsupportedError
 */
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
