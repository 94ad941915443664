import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { identityFor, Stack } from '../../support/stack.ts'

const UID = process.getuid?.() ?? 0
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** Resolves when the other side has closed. */
async function closed(socket: net.Socket): Promise<void> {
  socket.on('error', () => undefined).resume()
  if (!socket.closed) await once(socket, 'close')
}

describe('garbage at the listeners', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.start()
    await stack.apply(identityFor(UID))
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  const tcp = (): net.Socket => net.connect(Number(stack.address.split(':').at(-1)), '127.0.0.1')
  const LISTENERS: Readonly<Record<string, () => net.Socket>> = {
    'the Workload API': () => net.connect(stack.socket),
    "the agent's administration": () => net.connect(stack.agentAdminSocket),
    "the authority's administration": () => net.connect(stack.authoritySocket),
    'the authority over TCP': tcp,
    'the authority over TLS': () =>
      tls.connect({ socket: tcp(), rejectUnauthorized: false, ALPNProtocols: ['h2'], minVersion: 'TLSv1.3' }),
  }

  /** All of it still works. */
  async function allIsWell(): Promise<void> {
    using client = stack.client()
    assert.equal((await client.first('FetchX509SVID')).svids.length, 1)
    assert.equal(
      (await client.unary('FetchJWTSVID', { audience: [randomBytes(8).toString('hex')] })).svids.length,
      1,
    )
    assert.equal((await stack.signet('get', 'bot', '--json')).code, 0)
    assert.ok(stack.agent.running && stack.authority.running)
  }

  for (const [what, dial] of Object.entries(LISTENERS)) {
    it(`${what} closes a connection that sends random bytes, and only that one`, async () => {
      const sockets = Array.from({ length: 10 }, dial)
      const ends = sockets.map((socket) => {
        socket.on('error', () => undefined)
        socket.write(randomBytes(4096))
        return closed(socket)
      })
      await Promise.all(ends)
      await allIsWell()
    })

    it(`${what} closes a connection that sends garbage after the preface`, async () => {
      const socket = dial()
      socket.on('error', () => undefined)
      socket.write(PREFACE)
      socket.write(randomBytes(65_536))
      await closed(socket)
      await allIsWell()
    })

    it(`${what} is not held up by connections that say nothing, or half of it`, async () => {
      const sockets = Array.from({ length: 30 }, dial)
      for (const [n, socket] of sockets.entries()) {
        socket.on('error', () => undefined)
        if (n % 2 === 0) socket.write(PREFACE.slice(0, 10))
      }
      await allIsWell()
      for (const socket of sockets) socket.destroy()
    })

    it(`${what} outlives connections that are cut in the middle`, async () => {
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

  it('the Workload API serves others while callers open streams and never read', async () => {
    const sessions = Array.from({ length: 20 }, () =>
      http2.connect('http://localhost', {
        createConnection: () => net.connect(stack.socket),
        settings: { initialWindowSize: 0 },
      }),
    )
    try {
      for (const session of sessions) {
        session.on('error', () => undefined)
        for (let n = 0; n < 50; n++) {
          const request = session.request({
            ':method': 'POST',
            ':path': '/SpiffeWorkloadAPI/FetchX509SVID',
            'content-type': 'application/grpc',
            te: 'trailers',
            'workload.spiffe.io': 'true',
          })
          request.on('error', () => undefined)
          request.end(Buffer.alloc(5))
        }
      }
      await stack.apply(identityFor(UID, 'while-blocked'))
      using client = stack.client()
      using stream = client.stream('FetchX509SVID')
      await stream.until(({ svids }) => svids.length === 2)
      await allIsWellBeside(2)
    } finally {
      for (const session of sessions) session.destroy()
    }
    await stack.admin('delete', 'workload_identity', 'while-blocked')
  })

  async function allIsWellBeside(identities: number): Promise<void> {
    using client = stack.client()
    assert.equal((await client.first('FetchX509SVID')).svids.length, identities)
    assert.ok(stack.agent.running)
  }
})
