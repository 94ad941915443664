import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { RpcClient } from '../../../src/rpc/client.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../../support/stack.ts'
import { readIdentity } from '../../support/stored-identity.ts'

const UID = process.getuid?.() ?? 0
const ADMINISTRATION = [
  [(stack: Stack) => stack.agentAdminSocket, 'signet.v1.AgentAdminService', 'GetStatus'],
  [(stack: Stack) => stack.authoritySocket, 'signet.v1.AdminService', 'ListResources'],
] as const
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** Resolves when the connection has closed, however it ends. */
function closed(socket: net.Socket): Promise<void> {
  socket.on('error', () => undefined)
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}

describe('invalid input at every listener', () => {
  let stack: Stack
  let ports: { readonly authority: number; readonly agent: number }
  before(async () => {
    const metrics = 'metrics: { listen: 127.0.0.1:0 }\n'
    stack = await Stack.start({
      inProcess: true,
      resources: `${DEFAULT_RESOURCES}---${identityFor(UID)}`,
      authorityYaml: metrics,
      agentYaml: metrics,
    })
    await stack.agent.says('"event":"status.listening"')
    ports = {
      authority: Number(/"metricsListen":"[^"]*:(\d+)"/.exec(stack.authority.log)?.[1]),
      agent: Number(/"event":"status.listening","address":"[^"]*:(\d+)"/.exec(stack.agent.log)?.[1]),
    }
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  const tcp = (): net.Socket => net.connect(Number(stack.address.split(':').at(-1)), '127.0.0.1')
  const LISTENERS: Readonly<Record<string, () => net.Socket>> = {
    'the Workload API': () => net.connect(stack.socket),
    "the agent's administration": () => net.connect(stack.agentAdminSocket),
    "the authority's administration": () => net.connect(stack.authoritySocket),
    'the authority over TCP': tcp,
    "the authority's health and metrics": () => net.connect(ports.authority, '127.0.0.1'),
    "the agent's health and metrics": () => net.connect(ports.agent, '127.0.0.1'),
    'the authority over TLS': () =>
      tls.connect({ socket: tcp(), rejectUnauthorized: false, ALPNProtocols: ['h2'], minVersion: 'TLSv1.3' }),
  }

  /** Asserts that all listeners still work. */
  async function allIsWell(): Promise<void> {
    using client = stack.client()
    assert.equal((await client.first('FetchX509SVID')).svids.length, 1)
    assert.equal(
      (await client.unary('FetchJWTSVID', { audience: [randomBytes(8).toString('hex')] })).svids.length,
      1,
    )
    for (const [unixPath, service, method] of ADMINISTRATION) {
      using admin = new RpcClient({ target: { unixPath: unixPath(stack) } })
      await admin.unary(service, method, {})
    }
    for (const port of Object.values(ports)) {
      assert.equal(
        (await fetch(`http://127.0.0.1:${port}/readyz`, { headers: { connection: 'close' } })).status,
        200,
      )
    }
    assert.ok(stack.agent.running && stack.authority.running)
  }

  for (const [what, dial] of Object.entries(LISTENERS)) {
    it(`${what} closes only the connection that sends random bytes`, async () => {
      const sockets = Array.from({ length: 10 }, dial)
      const ends = sockets.map((socket) => {
        socket.on('error', () => undefined)
        socket.write(randomBytes(4096))
        return closed(socket.resume())
      })
      await Promise.all(ends)
      await allIsWell()
    })

    it(`${what} closes a connection that sends random bytes after the preface`, async () => {
      const socket = dial()
      socket.on('error', () => undefined)
      socket.write(PREFACE)
      socket.write(randomBytes(65_536))
      await closed(socket.resume())
      await allIsWell()
    })

    it(`${what} is not delayed by connections that send nothing or half a message`, async () => {
      const sockets = Array.from({ length: 30 }, dial)
      for (const [n, socket] of sockets.entries()) {
        socket.on('error', () => undefined)
        if (n % 2 === 0) socket.write(PREFACE.slice(0, 10))
      }
      await allIsWell()
      for (const socket of sockets) socket.destroy()
    })

    it(`${what} closes a connection that is half-closed`, async () => {
      const socket = dial()
      const isClosed = closed(socket.resume())
      socket.end(PREFACE.slice(0, 10))
      await isClosed
    })

    it(`${what} survives connections that are cut in the middle`, async () => {
      for (let n = 0; n < 20; n++) {
        const socket = dial()
        socket.on('error', () => undefined)
        socket.write(PREFACE)
        socket.write(Buffer.from('0000120400000000000003000000640004001000', 'hex'))
        if (what === 'the authority over TCP') socket.resetAndDestroy()
        else socket.destroy()
      }
      await allIsWell()
    })
  }

  const NEVER_READ: Readonly<Record<string, string>> = {
    'the Workload API': '/SpiffeWorkloadAPI/FetchX509SVID',
    "the agent's administration": '/signet.v1.AgentAdminService/GetStatus',
    "the authority's administration": '/signet.v1.AdminService/ListAuditEvents',
    'the authority over TLS': '/signet.v1.SyncService/Sync',
  }
  for (const [what, method] of Object.entries(NEVER_READ)) {
    it(`${what} serves others while callers open streams and never read`, async () => {
      const identity = await ownIdentity()
      const dial = (): net.Socket =>
        what === 'the authority over TLS'
          ? tls.connect({ socket: tcp(), rejectUnauthorized: false, ALPNProtocols: ['h2'], ...identity })
          : (LISTENERS[what] as () => net.Socket)()
      const sessions = Array.from({ length: 10 }, () =>
        http2.connect('http://localhost', { createConnection: dial, settings: { initialWindowSize: 0 } }),
      )
      try {
        const answered = sessions.map((session) => {
          session.on('error', () => undefined)
          const requests = Array.from({ length: 50 }, () => neverRead(session, method))
          // A bot instance may have one sync stream and eight connections: older ones are ended, or
          // refused immediately.
          return what === 'the authority over TLS' ? Promise.allSettled(requests) : Promise.all(requests)
        })
        // Each call has arrived, and its response waits for room that never comes.
        await Promise.all<unknown>(answered)
        await stack.apply(identityFor(UID, 'while-blocked'))
        using client = stack.client()
        using stream = client.stream('FetchX509SVID')
        await stream.until(({ svids }) => svids.length === 2)
        await stack.admin('delete', 'workload_identity', 'while-blocked')
        await stream.until(({ svids }) => svids.length === 1)
        await allIsWell()
      } finally {
        for (const session of sessions) session.destroy()
      }
    })
  }

  it('the Workload API cuts a connection that floods pings and never reads', async () => {
    const socket = net.connect(stack.socket)
    socket.on('error', () => undefined)
    socket.pause()
    socket.write(PREFACE)
    socket.write(Buffer.from('000000040000000000', 'hex'))
    const pings = Buffer.concat(
      Array.from({ length: 1_000 }, () => Buffer.from('000008060000000000aaaaaaaaaaaaaaaa', 'hex')),
    )
    const isCut = closed(socket)
    while (!socket.destroyed) {
      const taken = new Promise<void>((resolve) => socket.write(pings, () => resolve()))
      await Promise.race([taken, isCut])
    }
    await allIsWell()
  })

  /** The agent's own bot certificate, which the authority accepts. */
  async function ownIdentity(): Promise<{ key: string; cert: string }> {
    const { current } = await readIdentity(
      path.join(stack.directory, 'agent'),
      path.join(stack.directory, 'state-key'),
    )
    const pem = (label: string, der: string): string =>
      `-----BEGIN ${label}-----\n${der}\n-----END ${label}-----\n`
    return {
      key: pem('PRIVATE KEY', current.key),
      cert: current.chain.map((der) => pem('CERTIFICATE', der)).join(''),
    }
  }
})

/** Makes a call and grants no window. Resolves once the server has accepted the call. */
async function neverRead(session: http2.ClientHttp2Session, method: string): Promise<void> {
  const request = session.request({
    ':method': 'POST',
    ':path': method,
    'content-type': 'application/grpc',
    te: 'trailers',
    'workload.spiffe.io': 'true',
  })
  request.on('error', () => undefined)
  request.end(Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01])) // field 1 is 1: the protocol version of Sync
  await Promise.race([once(request, 'response'), once(request, 'close')])
}
