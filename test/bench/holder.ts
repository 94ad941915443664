import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import tls from 'node:tls'
import { gzipSync } from 'node:zlib'

/**
 * Requests that make a server hold memory, because they never end or are compressed, run in a
 * process of that user.
 */
export interface Hold {
  readonly target: { readonly path: string } | { readonly host: string; readonly port: number }
  readonly uid?: number
  /** PEM; without it no certificate is presented. */
  readonly key?: string
  readonly cert?: string
  readonly method: string
  readonly connections: number
  /** Open calls on each connection. */
  readonly streams: number
  readonly bytes: number
  /**
   * Sends complete, compressed messages of this size one after another; otherwise one message
   * without its last byte.
   */
  readonly isCompressed?: boolean
  readonly seconds: number
}

const MESSAGE_HEAD = 5

/** Runs the requests for their time. The connections end with them. */
export async function hold(what: Hold, during: () => void): Promise<void> {
  const child = spawn(process.execPath, [import.meta.filename, JSON.stringify(what)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const watching = setInterval(during, 50)
  await once(child, 'exit')
  clearInterval(watching)
}

function body({ bytes, isCompressed = false }: Hold): Buffer {
  const message = Buffer.alloc(bytes)
  const sent = isCompressed ? gzipSync(message) : message
  const framed = Buffer.alloc(MESSAGE_HEAD + sent.length)
  framed[0] = isCompressed ? 1 : 0
  framed.writeUInt32BE(sent.length, 1)
  sent.copy(framed, MESSAGE_HEAD)
  return isCompressed ? framed : framed.subarray(0, -1)
}

function connect({ target, key, cert }: Hold): http2.ClientHttp2Session {
  const createConnection = (): net.Socket =>
    'path' in target
      ? net.connect(target.path)
      : tls.connect({
          ...target,
          ...(key === undefined || cert === undefined ? {} : { key, cert }),
          rejectUnauthorized: false,
          ALPNProtocols: ['h2'],
        })
  const session = http2.connect('http://localhost', { createConnection, maxSessionMemory: 10_000 })
  return session.on('error', () => undefined)
}

/** Makes a call, and another one when it has ended. */
function call(session: http2.ClientHttp2Session, what: Hold, bytes: Buffer): void {
  if (session.destroyed || session.closed) return
  const stream = session.request({
    ':method': 'POST',
    ':path': what.method,
    'content-type': 'application/grpc',
    te: 'trailers',
    'workload.spiffe.io': 'true',
    ...(what.isCompressed === true ? { 'grpc-encoding': 'gzip' } : {}),
  })
  stream.on('error', () => undefined).resume()
  stream.once('close', () => setTimeout(() => call(session, what, bytes), 5))
  if (what.isCompressed === true) stream.end(bytes)
  else stream.write(bytes)
}

if (import.meta.main) {
  const what = JSON.parse(process.argv[2] ?? '{}') as Hold
  if (what.uid !== undefined && process.getuid?.() === 0) {
    process.setgid?.(what.uid)
    process.setuid?.(what.uid)
  }
  const bytes = body(what)
  for (let n = 0; n < what.connections; n++) {
    const session = connect(what)
    for (let stream = 0; stream < what.streams; stream++) call(session, what, bytes)
    if (n % 10 === 9) await pause(10)
  }
  await pause(what.seconds * 1000)
  process.kill(process.pid, 'SIGKILL')
}
