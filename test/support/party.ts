import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import type { Authorizer } from '../../src/client/authorize.ts'
import type { MutualTls } from '../../src/client/verify-peer.ts'
import { X509Source } from '../../src/client/x509-source.ts'
import { splitDer } from '../../src/crypto/x509.ts'
import { pemChain } from '../../src/rpc/pem-chain.ts'
import { until } from './patience.ts'
import { type ScriptedCall, ScriptedWorkloadApi } from './scripted-workload-api.ts'
import type { SentSvid, TestDomain } from './test-domain.ts'

/** A program with an identity of a trust domain. The test controls its Workload API. */
export class Party implements AsyncDisposable {
  readonly source: X509Source
  readonly domain: TestDomain
  readonly #path: string
  readonly #api: ScriptedWorkloadApi
  #call: ScriptedCall

  private constructor(
    domain: TestDomain,
    path: string,
    api: ScriptedWorkloadApi,
    call: ScriptedCall,
    source: X509Source,
  ) {
    this.domain = domain
    this.#path = path
    this.#api = api
    this.#call = call
    this.source = source
  }

  static async start(
    domain: TestDomain,
    path: string,
    federated: readonly TestDomain[] = [],
  ): Promise<Party> {
    const api = await ScriptedWorkloadApi.listen()
    const connecting = X509Source.connect({ address: api.address })
    const call = await api.call()
    call.send({ svids: [await domain.issue(path)], federatedBundles: bundlesOf(federated) })
    return new Party(domain, path, api, call, await connecting)
  }

  with(authorize: Authorizer): MutualTls {
    return { source: this.source, authorize }
  }

  /** Delivers a new SVID, signed by the current CA of its trust domain. */
  async rotate(federated: readonly TestDomain[] = []): Promise<void> {
    const before = this.source.svid
    this.#call.send({ svids: [await this.domain.issue(this.#path)], federatedBundles: bundlesOf(federated) })
    await until(() => this.source.svid !== before)
  }

  /** Withdraws its identity. The source then makes a new call. */
  async withdraw(): Promise<void> {
    this.#call.end(7, 'no identity issued')
    await until(() => this.source.svids.length === 0)
    this.#call = await this.#api.call()
  }

  /** Delivers an SVID again after a withdrawal. */
  async restore(): Promise<void> {
    this.#call.send({ svids: [await this.domain.issue(this.#path)] })
    await until(() => this.source.svids.length > 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source.close()
    await this.#api[Symbol.asyncDispose]()
  }
}

function bundlesOf(domains: readonly TestDomain[]): Record<string, Buffer> {
  return Object.fromEntries(domains.map(({ name, bundle }) => [`spiffe://${name}`, bundle]))
}

/** TLS options of a peer that presents an SVID and does not verify the other side. */
export function shows(svid: Pick<SentSvid, 'x509Svid' | 'x509SvidKey'> | undefined): tls.ConnectionOptions {
  if (svid === undefined) return { rejectUnauthorized: false }
  const key = createPrivateKey({ key: svid.x509SvidKey, format: 'der', type: 'pkcs8' })
  return {
    rejectUnauthorized: false,
    cert: pemChain(splitDer(svid.x509Svid)),
    key: key.export({ format: 'pem', type: 'pkcs8' }) as string,
  }
}

/** A server with any certificate that records what it receives. */
export class AnyServer implements AsyncDisposable {
  readonly heard: string[] = []
  readonly #server: tls.Server
  readonly #sockets = new Set<TLSSocket>()

  private constructor(server: tls.Server) {
    this.#server = server
    server.on('secureConnection', (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {}).on('data', (data: Buffer) => void this.heard.push(data.toString()))
    })
  }

  static async listen(svid: SentSvid): Promise<AnyServer> {
    const server = tls.createServer({ ...(shows(svid) as tls.TlsOptions), requestCert: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new AnyServer(server)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
