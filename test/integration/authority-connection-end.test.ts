import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StatusCode } from '../../src/rpc/status.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { type BotClient, botClient, joinBot, renewBot, SyncReader } from '../support/bot-client.ts'
import { startAuthority, type TestAuthority } from '../support/start-authority.ts'

/** The shortest certificate lifetime that can be configured. */
const LIFE_MS = 60_000
const BUILDER = `
kind: role
version: v1
metadata: { name: all }
spec: { allow: [{ kind: workload_identity, spiffe_ids: [/**] }] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [all] }
`

/**
 * Starts an authority whose clock the test moves. OpenSSL uses the real time, which is half a
 * certificate life behind, so that certificates from before and after the move are both valid for
 * it.
 */
async function start(yaml = '') {
  const clock = new FakeClock(performance.timeOrigin + performance.now() - LIFE_MS / 2)
  const authority = await startAuthority({ clock, yaml: `lifetimes: { bot_certificate: 1m }\n${yaml}` })
  await authority.apply(BUILDER)
  const bot = await joinBot(authority, 'builder')
  return {
    clock,
    authority,
    bot,
    [Symbol.asyncDispose]: async () => {
      bot[Symbol.dispose]()
      await authority[Symbol.asyncDispose]()
    },
  }
}

/** Opens a new connection with the same certificate. */
const reconnect = (authority: TestAuthority, { key, certificate }: BotClient): BotClient =>
  botClient(authority, key, certificate)

describe('the connection of an agent', () => {
  it('ends, with a status, when the certificate expires that opened it', async () => {
    await using rig = await start()
    using sync = new SyncReader(rig.bot)
    await sync.snapshot()
    rig.clock.advance(LIFE_MS - 1000)
    assert.ok(await sync.next(), 'it lives until then')
    rig.clock.advance(2000)
    await assert.rejects(
      async () => {
        for (;;) await sync.next()
      },
      { status: StatusCode.UNAVAILABLE },
    )
  })

  it('ends soon after the host was suspended past the certificate’s expiry', async () => {
    await using rig = await start()
    using sync = new SyncReader(rig.bot)
    await sync.snapshot()
    rig.clock.jump(LIFE_MS + 1000)
    rig.clock.advance(LIFE_MS / 2)
    await assert.rejects(
      async () => {
        for (;;) await sync.next()
      },
      { status: StatusCode.UNAVAILABLE },
    )
  })

  it('with an expired certificate may only renew', async () => {
    await using rig = await start()
    rig.clock.advance(LIFE_MS + 1000)
    using late = reconnect(rig.authority, rig.bot)
    using sync = new SyncReader(late)
    await assert.rejects(sync.next(), (error: { status: number }) => error.status !== StatusCode.UNAVAILABLE)
    using renewed = await renewBot(rig.authority, late)
    assert.equal(renewed.certificate.generation, '2')
    assert.equal(renewed.certificate.botInstanceId, rig.bot.certificate.botInstanceId)
    using again = new SyncReader(renewed)
    await again.snapshot()
  })

  it('with a certificate past the grace time may not renew either', async () => {
    await using rig = await start('renewal_grace: 10s')
    rig.clock.advance(LIFE_MS + 11_000)
    using late = reconnect(rig.authority, rig.bot)
    await assert.rejects(renewBot(rig.authority, late), { status: StatusCode.PERMISSION_DENIED })
  })
})
