import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import type net from 'node:net'
import type { Certificate } from '../../src/crypto/x509.ts'
import { systemClock } from '../../src/foundation/clock.ts'
import { createLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { RpcClient } from '../../src/rpc/client.ts'
import type { ClientTls } from '../../src/rpc/client-tls.ts'
import { RpcServer } from '../../src/rpc/server.ts'
import { TlsListener, type TlsListenerOptions } from '../../src/rpc/tls-listener.ts'
import { ControlPki } from './control-pki.ts'

export interface Identity {
  readonly chain: readonly Buffer[]
  readonly key: KeyObject
}

export const [pki, other] = await Promise.all([ControlPki.create(), ControlPki.create('other')])

export const [server, bot] = await Promise.all([pki.server(), pki.bot()])

/** An RpcServer behind TLS. The caller is the common name in the client certificate. */
export class Authority implements AsyncDisposable {
  readonly seen: (Certificate | undefined)[] = []
  readonly logged: string[] = []
  shown: Identity = server
  readonly #server: RpcServer<string>
  #listener: TlsListener | undefined

  constructor() {
    const deps = { clock: systemClock, logger: this.#logger(), metrics: createMetrics() }
    this.#server = new RpcServer<string>({ ...deps, maxStreamsPerConnection: 10 })
    this.#server.addHealth(() => true)
  }

  static async start(options: Partial<TlsListenerOptions> & { shown?: Identity } = {}): Promise<Authority> {
    const authority = new Authority()
    authority.shown = options.shown ?? server
    authority.#listener = await TlsListener.listen({
      listen: '127.0.0.1:0',
      tls: () => ({
        ...authority.shown,
        clientRoots: [pki.root],
        clientIssuers: [pki.issuing.certificateDer],
      }),
      clock: systemClock,
      logger: authority.#logger(),
      metrics: createMetrics(),
      onConnection: (socket, certificate) => {
        authority.seen.push(certificate)
        authority.#server.accept(socket, certificate?.subject.commonName ?? 'nobody')
      },
      ...options,
    })
    return authority
  }

  get listener(): TlsListener {
    assert.ok(this.#listener)
    return this.#listener
  }

  get host(): string {
    return '127.0.0.1'
  }

  get port(): number {
    return Number(this.listener.address.split(':').at(-1))
  }

  client(more: Partial<ClientTls> = {}): RpcClient {
    const clientTls = { roots: [pki.root], serverName: 'authority.example.org', ...more }
    return new RpcClient({
      target: { host: this.host, port: this.port, tls: clientTls },
      connectTimeoutMs: 3_000,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown(200)
    await this.listener[Symbol.asyncDispose]()
  }

  #logger(): ReturnType<typeof createLogger> {
    return createLogger({ destination: { write: (line: string) => void this.logged.push(line) } })
  }
}

export const check = (client: RpcClient): Promise<object> =>
  client.unary('grpc.health.v1.Health', 'Check', {}, { deadlineMs: 5_000 })

export const closeOf = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()))
