import { mkdtemp, rm } from 'node:fs/promises'
import http2 from 'node:http2'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { loadKernel } from '../../src/peer/koffi-kernel.ts'
import type { Peer } from '../../src/peer/peer.ts'
import { UnixListener } from '../../src/peer/unix-listener.ts'
import type { ByteLimits } from '../../src/rpc/byte-budget.ts'
import { RpcClient } from '../../src/rpc/client.ts'
import type { Connection, ConnectionLimits } from '../../src/rpc/connection.ts'
import type { Gate, Handlers } from '../../src/rpc/handlers.ts'
import { RpcServer } from '../../src/rpc/server.ts'
import type { ServiceName } from '../../src/rpc/services.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

interface RpcStackOptions<Name extends ServiceName = ServiceName> {
  readonly service?: Name
  /** The methods that the test needs. */
  readonly handlers?: Partial<Handlers<Peer, Name>>
  readonly gate?: Gate<Peer>
  readonly maxStreamsPerConnection?: number
  readonly maxCallsPerUser?: number
  readonly maxMessageBytes?: number
  readonly byteLimits?: ByteLimits
  readonly limitsOf?: (caller: Peer) => Partial<ConnectionLimits>
  readonly onError?: (error: unknown, method: string) => void
}

/** An RpcServer on a real Unix socket, with a clock controlled by the test. */
export class RpcStack implements AsyncDisposable {
  readonly clock = new FakeClock()
  readonly logged: string[] = []
  readonly connections: Connection<Peer>[] = []
  isServing = true
  readonly server: RpcServer<Peer>
  readonly socketPath: string
  readonly #directory: string
  #listener: UnixListener | undefined

  private constructor(directory: string, options: RpcStackOptions) {
    this.#directory = directory
    this.socketPath = path.join(directory, 'rpc.sock')
    const { maxMessageBytes, maxCallsPerUser, byteLimits, limitsOf, onError } = options
    this.server = new RpcServer<Peer>({
      ...this.observers,
      clock: this.clock,
      maxStreamsPerConnection: options.maxStreamsPerConnection ?? 100,
      ...(maxCallsPerUser === undefined
        ? {}
        : { callCap: { max: maxCallsPerUser, keyOf: ({ credentials }) => credentials.uid } }),
      takesAnyAuthority: true,
      keyOf: ({ credentials }) => credentials.uid,
      ...(byteLimits === undefined ? {} : { byteLimits }),
      ...(limitsOf === undefined ? {} : { limitsOf }),
      ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }),
      ...(onError === undefined ? {} : { onError }),
    })
    if (options.handlers !== undefined) {
      const handlers = options.handlers as Handlers<Peer, ServiceName>
      this.server.add(options.service ?? 'SpiffeWorkloadAPI', handlers, options.gate)
    }
    this.server.addHealth(() => this.isServing)
    this.server.addReflection()
  }

  readonly observers = {
    logger: createLogger({ destination: { write: (line: string) => void this.logged.push(line) } }),
    metrics: createMetrics(),
  }

  static async start<Name extends ServiceName = 'SpiffeWorkloadAPI'>(
    options: RpcStackOptions<Name> = {},
  ): Promise<RpcStack> {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-rpc-'))
    const stack = new RpcStack(directory, options as unknown as RpcStackOptions)
    stack.#listener = await UnixListener.listen({
      ...stack.observers,
      path: stack.socketPath,
      mode: 0o777,
      kernel: loadKernel(),
      maxConnections: 100,
      maxConnectionsPerUid: 100,
      clock: stack.clock,
      onConnection: (socket, peer) => void stack.connections.push(stack.server.accept(socket, peer)),
    })
    return stack
  }

  client(metadata: Record<string, string> = {}): RpcClient {
    return new RpcClient({ target: { unixPath: this.socketPath }, metadata })
  }

  /** Opens an HTTP/2 session with the given settings. */
  session(settings: http2.Settings = {}): http2.ClientHttp2Session {
    const session = http2.connect('http://localhost', {
      createConnection: () => net.connect(this.socketPath),
      settings,
    })
    session.on('error', () => {})
    return session
  }

  /** Opens a socket, for bytes that no client would send. */
  socket(): net.Socket {
    const socket = net.connect(this.socketPath)
    socket.on('error', () => {})
    return socket
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const down = this.server.shutdown(1_000)
    const cut = setTimeout(() => this.clock.advance(1_000), 200)
    await down
    clearTimeout(cut)
    await this.#listener?.[Symbol.asyncDispose]()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

/** Frames a message as gRPC does, with a prefix of five bytes. */
export function grpcFrame(message: Buffer, compressed = false): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt8(compressed ? 1 : 0, 0)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** A hand-made call. It ends with the status in its headers or trailers, or with the code of its reset. */
export interface RawCall {
  readonly stream: http2.ClientHttp2Stream
  /** Received headers and trailers. */
  readonly received: readonly http2.IncomingHttpHeaders[]
  readonly ended: Promise<{ readonly status?: number; readonly message?: string; readonly reset?: number }>
  readonly bytes: () => number
}

export function rawCall(
  session: http2.ClientHttp2Session,
  method: string,
  /** `open`: the request stays open, and the test writes and ends it. */
  options: { headers?: Record<string, string>; body?: Buffer | 'none'; read?: boolean; open?: boolean } = {},
): RawCall {
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': method,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...options.headers,
    },
    { endStream: options.body === 'none' },
  )
  let bytes = 0
  let status: Record<string, unknown> = {}
  const received: http2.IncomingHttpHeaders[] = []
  const keep = (headers: http2.IncomingHttpHeaders): void => {
    received.push(headers)
    if (headers['grpc-status'] !== undefined) status = headers
  }
  stream.on('response', keep)
  stream.on('trailers', keep)
  stream.on('error', () => {})
  if (options.read !== false) {
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
  }
  const body = options.body ?? grpcFrame(Buffer.alloc(0))
  // as clients do when the server has ended the call
  if (options.open) stream.once('end', () => stream.close())
  if (body !== 'none' && options.open) stream.write(body)
  else if (body !== 'none') stream.end(body)
  const ended = new Promise<Awaited<RawCall['ended']>>((resolve) => {
    stream.once('close', () => {
      const code = status['grpc-status']
      if (code === undefined) resolve({ reset: stream.rstCode })
      else resolve({ status: Number(code), message: String(status['grpc-message'] ?? '') })
    })
  })
  return { stream, received, ended, bytes: () => bytes }
}
