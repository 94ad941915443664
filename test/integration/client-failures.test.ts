import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { describe, it } from 'node:test'
import tls from 'node:tls'
import { systemClock } from '../../src/foundation/clock.ts'
import { RpcClient } from '../../src/rpc/client.ts'
import { fetchAuthorityRoot } from '../../src/rpc/first-contact.ts'
import { pemChain } from '../../src/rpc/pem-chain.ts'
import { bot, check, type Identity, other, pki, server } from '../support/tls-authority.ts'

const NETWORK = /: the agent needs outbound TCP, TLS passed through$/
const ANSWERED = /: look for connection\.refused in the authority's log/

const shown = ({ key, chain }: Identity): tls.TlsOptions => ({
  key: key.export({ type: 'pkcs8', format: 'pem' }),
  cert: pemChain(chain),
  ALPNProtocols: ['h2'],
})
const ours = shown(server)
const ignoreErrors = (socket: net.Socket): void => void socket.on('error', () => {})
const overTls = (options: tls.TlsOptions, then: (socket: tls.TLSSocket) => void = () => {}): net.Server =>
  tls
    .createServer(options, (socket) => {
      ignoreErrors(socket)
      then(socket)
    })
    .on('tlsClientError', () => {})
const overTcp = (then: (socket: net.Socket) => void): net.Server =>
  net.createServer((socket) => {
    ignoreErrors(socket)
    then(socket)
  })
const expired = await pki.server(undefined, { endedSeconds: 60 })
const early = await pki.server(undefined, { startsInSeconds: 1_800 })

/** What answers at the authority's address, and what each client says of it. */
const ENDS: readonly {
  readonly what: string
  readonly server: () => net.Server
  readonly says: string
  readonly advice: RegExp
  readonly roots?: readonly Buffer[]
  readonly serverName?: string
  /** The first contact checks no certificate and ends before HTTP/2. */
  readonly fails: 'both' | 'client'
}[] = [
  {
    what: 'a server without TLS',
    server: () => overTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    says: 'it does not speak TLS 1.3',
    advice: NETWORK,
    fails: 'both',
  },
  {
    what: 'a server of an older TLS',
    server: () => overTls({ ...ours, maxVersion: 'TLSv1.2' }),
    says: 'it does not speak TLS 1.3',
    advice: NETWORK,
    fails: 'both',
  },
  {
    what: 'a web server',
    server: () => overTls({ ...ours, ALPNProtocols: ['http/1.1'] }),
    says: 'it speaks TLS, but not HTTP/2',
    advice: ANSWERED,
    fails: 'both',
  },
  {
    what: 'a program that closes at once',
    server: () => overTcp((socket) => socket.destroy()),
    says: 'it took the connection and closed it before TLS was done',
    advice: ANSWERED,
    fails: 'both',
  },
  {
    what: 'a program that resets at once',
    server: () => overTcp((socket) => socket.resetAndDestroy()),
    says: 'it took the connection and closed it before TLS was done',
    advice: ANSWERED,
    fails: 'both',
  },
  {
    what: 'a program that resets in the handshake',
    server: () => overTcp((socket) => socket.once('data', () => socket.resetAndDestroy())),
    says: 'it took the connection and closed it before TLS was done',
    advice: ANSWERED,
    fails: 'both',
  },
  {
    what: 'a program that closes after the handshake',
    server: () => overTls(ours, (socket) => socket.destroy()),
    says: 'it agreed on TLS and closed the connection before any call',
    advice: ANSWERED,
    fails: 'client',
  },
  {
    what: 'a program that resets after the handshake',
    server: () =>
      overTcp((socket) => {
        const secure = new tls.TLSSocket(socket, { ...ours, isServer: true })
        secure.on('error', () => {}).once('data', () => socket.resetAndDestroy())
      }),
    says: 'it agreed on TLS and closed the connection before any call',
    advice: ANSWERED,
    fails: 'client',
  },
  {
    what: 'an authority under another root',
    server: () => overTls(ours),
    roots: [other.root],
    says: 'its certificate does not lead to a pinned root',
    advice: NETWORK,
    fails: 'client',
  },
  {
    what: 'an authority that shows its leaf alone',
    server: () => overTls(shown({ ...server, chain: server.chain.slice(0, 1) })),
    says: 'its certificate does not lead to a pinned root',
    advice: NETWORK,
    fails: 'client',
  },
  {
    what: 'an authority with another name',
    server: () => overTls(ours),
    serverName: 'authority.example.com',
    says: 'its certificate is for another name',
    advice: NETWORK,
    fails: 'client',
  },
  {
    what: 'a bot',
    server: () => overTls(shown({ ...bot, chain: [...bot.chain, pki.root] })),
    says: 'its certificate is not one of a server',
    advice: NETWORK,
    fails: 'client',
  },
  {
    what: 'an authority whose certificate has expired',
    server: () => overTls(shown(expired)),
    says: 'its certificate is not valid now; check both clocks',
    advice: NETWORK,
    fails: 'client',
  },
  {
    what: 'an authority whose certificate is not valid yet',
    server: () => overTls(shown(early)),
    says: 'its certificate is not valid now; check both clocks',
    advice: NETWORK,
    fails: 'client',
  },
]

async function listen(end: net.Server): Promise<number> {
  end.listen(0, '127.0.0.1')
  await once(end, 'listening')
  return (end.address() as net.AddressInfo).port
}

describe('a client that cannot reach the authority', () => {
  for (const { what, server: create, says, advice, fails, ...trust } of ENDS) {
    it(`reports what it found at the address: ${what}`, async (t) => {
      const end = create()
      t.after(() => end.close())
      const port = await listen(end)
      const isRight = (error: Error): true => {
        assert.ok(error.message.startsWith(`cannot reach 127.0.0.1:${port} (${says}): `), error.message)
        assert.match(error.message, advice)
        return true
      }
      const clientTls = { roots: [pki.root], serverName: 'authority.example.org', ...trust }
      using client = new RpcClient({ target: { host: '127.0.0.1', port, tls: clientTls } })
      await assert.rejects(check(client), isRight)
      if (fails === 'both') {
        const address = { host: '127.0.0.1', port }
        await assert.rejects(fetchAuthorityRoot(address, pki.pin, { clock: systemClock }), isRight)
      }
    })
  }

  it('reports a host name that does not resolve', async () => {
    const clientTls = { roots: [pki.root], serverName: 'authority.example.org' }
    using client = new RpcClient({ target: { host: 'nowhere.invalid', port: 1, tls: clientTls } })
    await assert.rejects(check(client), { message: /^cannot reach nowhere\.invalid:1 \(/, unreachable: true })
  })
})

describe('a client whose connection ends during a call', () => {
  for (const [what, end] of [
    [
      'by a reset of the stream',
      (stream: http2.ServerHttp2Stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
    ],
    ['by the end of the connection', (stream: http2.ServerHttp2Stream) => stream.session?.destroy()],
  ] as const) {
    it(`says that it was lost: ${what}`, async (t) => {
      const authority = http2.createSecureServer(ours as http2.SecureServerOptions)
      t.after(() => authority.close())
      authority.on('session', (session) => session.on('error', () => {}))
      authority.on('stream', (stream: http2.ServerHttp2Stream) => {
        stream.on('error', () => {})
        end(stream)
      })
      const port = await listen(authority as unknown as net.Server)
      const clientTls = { roots: [pki.root], serverName: 'authority.example.org' }
      using client = new RpcClient({ target: { host: '127.0.0.1', port, tls: clientTls } })
      await assert.rejects(check(client), {
        message: `the connection to 127.0.0.1:${port} was lost: try again`,
        unreachable: false,
      })
    })
  }
})
