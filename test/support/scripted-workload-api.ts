import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { encodeMessage } from '../../src/rpc/services.ts'

/** One call of a client. The test decides the response. */
export interface ScriptedCall {
  readonly headers: http2.IncomingHttpHeaders
  readonly closed: Promise<unknown>
  /** Sends a message, or bytes that need not be one. */
  send(message: object | Buffer, compressed?: boolean): void
  end(status: number, message?: string): void
  /** Sends a plain HTTP status instead of a gRPC response. */
  answer(status: number): void
  /** Closes the connection without a status. */
  cut(): void
}

/** A Workload API in which the test answers each call by hand, with any status and any bytes. */
export class ScriptedWorkloadApi implements AsyncDisposable {
  readonly address: string
  readonly #server: http2.Http2Server
  readonly #directory: string
  readonly #calls: ScriptedCall[] = []
  readonly #sessions = new Set<http2.ServerHttp2Session>()
  #arrived = Promise.withResolvers<void>()

  private constructor(server: http2.Http2Server, directory: string, address: string) {
    this.#server = server
    this.#directory = directory
    this.address = address
    server.on('session', (session) => {
      this.#sessions.add(session)
      session.on('error', () => {}).once('close', () => this.#sessions.delete(session))
    })
    server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
      stream.on('error', () => {})
      const begin = (): void => {
        if (stream.headersSent) return
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      }
      this.#calls.push({
        headers,
        closed: once(stream, 'close'),
        send: (message, compressed = false) => {
          begin()
          const bytes = Buffer.isBuffer(message) ? message : encodeMessage('X509SVIDResponse', message)
          const prefix = Buffer.alloc(5)
          prefix.writeUInt8(compressed ? 1 : 0)
          prefix.writeUInt32BE(bytes.length, 1)
          stream.write(Buffer.concat([prefix, bytes]))
        },
        end: (status, text = '') => {
          begin()
          stream.once('wantTrailers', () =>
            stream.sendTrailers({ 'grpc-status': String(status), 'grpc-message': encodeURIComponent(text) }),
          )
          stream.end()
        },
        answer: (status) => stream.respond({ ':status': status }, { endStream: true }),
        cut: () => stream.session?.destroy(),
      })
      this.#arrived.resolve()
      this.#arrived = Promise.withResolvers()
    })
  }

  static async listen(kind: 'unix' | 'tcp' = 'unix'): Promise<ScriptedWorkloadApi> {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-scripted-'))
    const socket = path.join(directory, 'api.sock')
    const server = http2.createServer()
    if (kind === 'unix') server.listen(socket)
    else server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address =
      kind === 'unix' ? `unix://${socket}` : `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
    return new ScriptedWorkloadApi(server, directory, address)
  }

  /** Returns the next call; waits for it if necessary. */
  async call(): Promise<ScriptedCall> {
    for (;;) {
      const call = this.#calls.shift()
      if (call !== undefined) return call
      await this.#arrived.promise
    }
  }

  /** The number of calls that have not been returned yet. */
  get waiting(): number {
    return this.#calls.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    for (const session of this.#sessions) session.destroy()
    await rm(this.#directory, { recursive: true, force: true })
  }
}
