import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { authorizeAny, authorizeId } from '../../../src/client/authorize.ts'
import { connectTls } from '../../../src/client/connect-tls.ts'
import { anybody, Echo, say } from '../../support/echo.ts'
import { Party } from '../../support/party.ts'
import { TestDomain } from '../../support/test-domain.ts'

describe('a rotation', () => {
  it('of SVIDs and CA does not disturb open connections, and new ones present the current SVID', async () => {
    const domain = await TestDomain.create()
    await using server = await Party.start(domain, '/server')
    await using client = await Party.start(domain, '/client')
    await using echo = await Echo.listen(server, authorizeId('spiffe://example.org/client'))
    const where = { host: '127.0.0.1', port: echo.port }
    const connect = (): Promise<TLSSocket> =>
      connectTls({ ...client.with(authorizeId('spiffe://example.org/server')), ...where })
    const serialOf = (socket: TLSSocket): string => socket.getPeerX509Certificate()?.serialNumber ?? ''
    const lasting = await connect()
    const serials = new Set([serialOf(lasting)])
    for (let round = 0; round < 4; round += 1) {
      if (round === 1) await domain.rotateCa()
      // Neither party may be ahead of the other with the new CA: both get the bundle before SVIDs
      // of the new CA.
      if (round === 1) for (const party of [server, client]) await party.rotate()
      await server.rotate()
      await client.rotate()
      const socket = await connect()
      assert.equal(await say(socket, `new ${round}`), `new ${round}`)
      serials.add(serialOf(socket))
      socket.destroy()
      assert.equal(await say(lasting, `old ${round}`), `old ${round}`)
    }
    assert.equal(serials.size, 5)
    assert.deepEqual(echo.refused, [])
    lasting.destroy()
  })

  it('also affects trust: a trust domain that is no longer federated is refused from then on', async () => {
    const [domain, partner] = await Promise.all([TestDomain.create(), TestDomain.create('partner.example')])
    await using server = await Party.start(domain, '/server', [partner])
    await using echo = await Echo.listen(server, authorizeAny())
    const svid = await partner.issue('/peer')
    const first = await anybody(echo.port, svid)
    assert.equal(await say(first, 'hello'), 'hello')
    await server.rotate()
    assert.equal(await say(await anybody(echo.port, svid), 'hello'), undefined)
    assert.equal((await echo.nextRefusal()).reason, 'not_valid')
    first.destroy()
  })

  it('that withdraws the SVID makes a server refuse every handshake until it has one again', async () => {
    const domain = await TestDomain.create()
    await using server = await Party.start(domain, '/server')
    await using client = await Party.start(domain, '/client')
    await using echo = await Echo.listen(server, authorizeAny())
    const where = { ...client.with(authorizeAny()), host: '127.0.0.1', port: echo.port }
    await server.withdraw()
    await assert.rejects(connectTls(where), { code: 'ECONNRESET' })
    assert.equal((await echo.nextRefusal()).code as string, 'ERR_CLIENT_NO_SVID')
    await client.withdraw()
    await assert.rejects(connectTls(where), { code: 'ERR_CLIENT_NO_SVID' })
    await Promise.all([server.restore(), client.restore()])
    const socket = await connectTls(where)
    assert.equal(await say(socket, 'hello'), 'hello')
    socket.destroy()
  })
})
