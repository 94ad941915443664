import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '../../src/foundation/clock.ts'
import { fetchAuthorityRoot } from '../../src/rpc/first-contact.ts'
import { Authority, bot, other, pki } from '../support/tls-authority.ts'

describe('the first contact', () => {
  const options = { clock: systemClock, timeoutMs: 2_000 }

  it('returns the root that the pin names, and the trust domain', async () => {
    await using authority = await Authority.start()
    const found = await fetchAuthorityRoot(authority, pki.pin, options)
    assert.deepEqual(found, { root: pki.root, trustDomain: 'example.org' })
  })

  it('is not counted as a refused connection by the authority', async () => {
    await using authority = await Authority.start()
    await fetchAuthorityRoot(authority, pki.pin, options)
    while (authority.seen.length === 0 && authority.logged.length === 0) await pause(5)
    while (authority.listener.connections > 0) await pause(5)
    assert.deepEqual(authority.logged, [])
  })

  it('names both pins if they differ', async () => {
    await using authority = await Authority.start()
    await assert.rejects(
      fetchAuthorityRoot(authority, other.pin, options),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'ERR_RPC_PIN_MISMATCH')
        assert.ok(error.message.includes(other.pin) && error.message.includes(pki.pin))
        return true
      },
    )
  })

  it('refuses a bot that impersonates the authority', async () => {
    await using authority = await Authority.start({ shown: { ...bot, chain: [...bot.chain, pki.root] } })
    await assert.rejects(fetchAuthorityRoot(authority, pki.pin, options), {
      code: 'ERR_RPC_NOT_AN_AUTHORITY',
    })
  })

  it('refuses a foreign leaf that is sent along with the pinned root', async () => {
    const foreign = await other.server()
    const chain = [...foreign.chain.slice(0, 2), pki.root]
    await using authority = await Authority.start({ shown: { ...foreign, chain } })
    await assert.rejects(fetchAuthorityRoot(authority, pki.pin, options), { kind: 'permission_denied' })
  })

  it('refuses an authority with another name', async () => {
    await using authority = await Authority.start({ shown: await pki.server('www.example.org') })
    await assert.rejects(fetchAuthorityRoot(authority, pki.pin, options), {
      code: 'ERR_RPC_NOT_AN_AUTHORITY',
    })
  })

  it('names the address that it cannot reach', async () => {
    const mute = net.createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    await once(mute, 'listening')
    const { port } = mute.address() as net.AddressInfo
    const address = { host: '127.0.0.1', port }
    await assert.rejects(fetchAuthorityRoot(address, pki.pin, { ...options, timeoutMs: 100 }), {
      code: 'ERR_RPC_AUTHORITY_UNREACHABLE',
      message: new RegExp(`^cannot reach 127.0.0.1:${port} \\(timeout: it took the connection`),
    })
    mute.close()
    await assert.rejects(fetchAuthorityRoot({ host: '127.0.0.1', port: 1 }, pki.pin, options), /\(refused\)/)
  })

  it('refuses a malformed pin before it connects', async () => {
    await assert.rejects(fetchAuthorityRoot({ host: '127.0.0.1', port: 1 }, 'sha1:00', options), {
      code: 'ERR_RPC_PIN_MISMATCH',
    })
  })
})
