import assert from 'node:assert/strict'
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { authorizeId } from '../../../src/client/authorize.ts'
import type { PeerRefusedError } from '../../../src/client/errors.ts'
import { createHttpsAgent } from '../../../src/client/https-agent.ts'
import { createHttpsServer } from '../../../src/client/https-server.ts'
import { peerIdOf } from '../../../src/client/peer-id.ts'
import { anybody, closing, say } from '../../support/echo.ts'
import { Party } from '../../support/party.ts'
import { TestDomain } from '../../support/test-domain.ts'

const PEER = 'spiffe://example.org/peer'

describe('HTTPS', () => {
  const get = async (agent: https.Agent, port: number): Promise<string> => {
    const request = https.get({ agent, host: '127.0.0.1', port, path: '/' })
    const [response] = await once(request, 'response')
    return text(response)
  }

  it('names the peer of each request, over pooled connections and rotations', async () => {
    const domain = await TestDomain.create()
    await using server = await Party.start(domain, '/server')
    await using client = await Party.start(domain, '/client')
    const listening = createHttpsServer(
      server.with(authorizeId('spiffe://example.org/client')),
      (request, response) => response.end(`${peerIdOf(request)} ${request.socket.remotePort}`),
    ).listen(0, '127.0.0.1')
    await once(listening, 'listening')
    using _closing = closing(listening)
    const { port } = listening.address() as AddressInfo
    const mtls = client.with(authorizeId('spiffe://example.org/server'))
    const [kept, single] = [createHttpsAgent({ ...mtls, keepAlive: true }), createHttpsAgent(mtls)]
    const answers: string[][] = [[], []]
    for (let round = 0; round < 3; round += 1) {
      answers[0]?.push(await get(kept, port))
      answers[1]?.push(await get(single, port))
      await Promise.all([server.rotate(), client.rotate()])
    }
    for (const answer of answers.flat()) assert.match(answer, /^spiffe:\/\/example\.org\/client \d+$/)
    assert.deepEqual(
      answers.map((each) => new Set(each).size),
      [1, 3],
    )
    kept.destroy()
  })

  it('never passes a request of an unauthorized peer to the handler', async () => {
    const domain = await TestDomain.create()
    await using server = await Party.start(domain, '/server')
    const requests: string[] = []
    const listening = createHttpsServer(server.with(authorizeId(PEER)), (request, response) => {
      requests.push(request.url ?? '')
      response.end('welcome')
    }).listen(0, '127.0.0.1')
    await once(listening, 'listening')
    using _closing = closing(listening)
    const { port } = listening.address() as AddressInfo
    const refused: unknown[] = []
    listening.on('clientError', (error, socket) => {
      refused.push(error)
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n') // as handlers of this event usually do
    })
    for (const svid of [undefined, await domain.issue('/other')]) {
      const socket = await anybody(port, svid)
      assert.equal(await say(socket, 'GET /secret HTTP/1.1\r\nhost: x\r\n\r\n'), undefined)
    }
    assert.deepEqual(requests, [])
    assert.deepEqual(
      refused.map((error) => (error as PeerRefusedError).reason),
      ['no_certificate', 'not_authorized'],
    )
    const socket = await anybody(port, await domain.issue('/peer'))
    assert.match((await say(socket, 'GET /mine HTTP/1.1\r\nhost: x\r\n\r\n')) ?? '', /welcome/)
    assert.deepEqual(requests, ['/mine'])
    socket.destroy()
  })
})
