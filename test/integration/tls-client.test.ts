import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, it } from 'node:test'
import { RpcClient } from '../../src/rpc/client.ts'
import { fetchAuthorityRoot } from '../../src/rpc/first-contact.ts'
import { pemChain } from '../../src/rpc/pem-chain.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { Authority, bot, check, other, pki } from '../support/tls-authority.ts'

describe('the client', () => {
  it('trusts the roots that it was given and no others', async () => {
    await using authority = await Authority.start()
    using client = authority.client({ roots: [other.root] })
    await assert.rejects(check(client), /does not lead to a pinned root/)
  })

  for (const [what, ms] of [
    ['behind', -400 * 86_400_000],
    ['ahead', 4000 * 86_400_000],
  ] as const) {
    it(`may be tried again by a host whose clock is ${what}, and names both clocks`, async () => {
      await using authority = await Authority.start()
      const clock = new FakeClock(Date.now() + ms)
      await assert.rejects(
        fetchAuthorityRoot(authority, pki.pin, { clock, timeoutMs: 2_000 }),
        (error: Error & { code: string; kind: string }) => {
          assert.deepEqual([error.code, error.kind], ['ERR_RPC_CLOCKS_DIFFER', 'unavailable'])
          assert.ok(
            error.message.includes(`the clock of this host says ${clock.now().toISOString().slice(0, 19)}`),
          )
          return true
        },
      )
      // A wrong clock excuses nothing else.
      const refused = { kind: 'permission_denied' }
      await assert.rejects(fetchAuthorityRoot(authority, other.pin, { clock, timeoutMs: 2_000 }), refused)
    })
  }

  it('refuses a bot that impersonates the authority', async () => {
    await using authority = await Authority.start({ shown: { ...bot, chain: [...bot.chain, pki.root] } })
    using client = authority.client()
    await assert.rejects(check(client), { code: 'ERR_RPC_FAILED', unreachable: true })
  })

  it('names the address that it cannot reach', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as net.AddressInfo
    taken.close()
    const target = {
      host: '127.0.0.1',
      port,
      tls: { roots: [pki.root], serverName: 'authority.example.org' },
    }
    using client = new RpcClient({ target })
    await assert.rejects(check(client), {
      message: `cannot reach 127.0.0.1:${port} (refused): the agent needs outbound TCP, TLS passed through`,
    })
  })

  it('gives up on a connection that leads nowhere', async () => {
    const mute = net.createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    await once(mute, 'listening')
    const { port } = mute.address() as net.AddressInfo
    const target = {
      host: '127.0.0.1',
      port,
      tls: { roots: [pki.root], serverName: 'authority.example.org' },
    }
    const client = new RpcClient({ target, connectTimeoutMs: 100 })
    await assert.rejects(
      check(client),
      /cannot reach 127\.0\.0\.1:\d+ \(timeout: .*TLS was not done in time\): /,
    )
    client.close()
    mute.close()
  })
})

it('chains are written as PEM', () => {
  assert.equal(pemChain([pki.root, pki.root]).match(/BEGIN CERTIFICATE/g)?.length, 2)
})
