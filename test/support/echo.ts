import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import type { Authorizer } from '../../src/client/authorize.ts'
import type { PeerRefusedError } from '../../src/client/errors.ts'
import { peerIdOf } from '../../src/client/peer-id.ts'
import { createTlsServer } from '../../src/client/tls-server.ts'
import { type Party, shows } from './party.ts'
import type { SentSvid } from './test-domain.ts'

/** An echo server with mutual TLS. It records refused peers and served ones. */
export class Echo implements AsyncDisposable {
  readonly refused: PeerRefusedError[] = []
  readonly served: string[] = []
  readonly server: tls.Server
  readonly #sockets = new Set<TLSSocket>()

  private constructor(server: tls.Server) {
    this.server = server
  }

  static async listen(party: Party, authorize: Authorizer): Promise<Echo> {
    const server = createTlsServer(party.with(authorize), (socket) => {
      echo.served.push(String(peerIdOf(socket)))
      echo.#sockets.add(socket)
      socket.on('error', () => {}).on('data', (data) => socket.write(data))
    })
    const echo = new Echo(server)
    server.on('tlsClientError', (error) => void echo.refused.push(error as PeerRefusedError))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return echo
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  async nextRefusal(): Promise<PeerRefusedError> {
    while (this.refused.length === 0) await once(this.server, 'tlsClientError')
    return this.refused.shift() as PeerRefusedError
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }
}

/** Sends a line and waits for the reply, or for the end of the connection. */
export async function say(socket: TLSSocket, line: string): Promise<string | undefined> {
  socket.on('error', () => {})
  const answered = once(socket, 'data').then(([data]) => String(data))
  const closed = once(socket, 'close').then(() => undefined)
  answered.catch(() => undefined)
  socket.write(line)
  return Promise.race([answered, closed])
}

/** Connects with plain `node:tls`, with this SVID or without one. */
export const anybody = async (
  port: number,
  svid?: Pick<SentSvid, 'x509Svid' | 'x509SvidKey'>,
): Promise<TLSSocket> => {
  const socket = tls.connect({ host: '127.0.0.1', port, ...shows(svid) })
  await once(socket, 'secureConnect')
  return socket
}

/** Closes the server even when its test fails. */
export const closing = (server: tls.Server): Disposable => ({ [Symbol.dispose]: () => void server.close() })
