import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { IssueX509SvidsResponse__Output } from '../../src/rpc/gen/signet/v1/IssueX509SvidsResponse.ts'
import { type RpcError, StatusCode } from '../../src/rpc/status.ts'
import { auditOf } from '../support/authority-calls.ts'
import { type BotClient, botClient, joinBot, renewBot, SyncReader } from '../support/bot-client.ts'
import { startAuthority, type TestAuthority } from '../support/start-authority.ts'

const RESOURCES = `
kind: role
version: v1
metadata: { name: all }
spec: { allow: [{ kind: workload_identity, spiffe_ids: [/**] }] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [all] }
---
kind: workload_identity
version: v1
metadata: { name: web }
spec: { spiffe_id: /web, allow: [{ match: { workload.unix.uid: 1000 } }] }
`
const LOCK = `
kind: lock
version: v1
metadata: { name: stop }
spec: { target: { bot: builder }, reason: test }
`

async function start(listen?: string) {
  const authority = await startAuthority(listen === undefined ? {} : { listen })
  await authority.apply(RESOURCES)
  return authority
}

const events = (authority: TestAuthority, event: string) => auditOf(authority.admin, { events: [event] })

function issue(bot: BotClient, requests: readonly object[]): Promise<IssueX509SvidsResponse__Output> {
  return bot.client.unary('signet.v1.IssuanceService', 'IssueX509Svids', { requests })
}

async function revisionOf(bot: BotClient, identity: string): Promise<string> {
  using reader = new SyncReader(bot)
  await reader.snapshot()
  return reader.identities.get(identity) ?? ''
}

describe('the audit rows that one bot can cause', () => {
  it('contain none of the invalid text that it sends, and are fewer than its refusals', async () => {
    await using authority = await start()
    using bot = await joinBot(authority, 'builder')
    const claim = {
      workloadIdentity: 'web',
      revision: await revisionOf(bot, 'web'),
      spiffeId: 'spiffe://example.org/web',
    }
    const ask = (workloadAttributesJson: string, count: number) =>
      issue(
        bot,
        Array.from({ length: count }, () => ({
          claim: { ...claim, workloadAttributesJson },
          publicKey: bot.key.publicKeyDer,
        })),
      )
    const [issued] = (await ask('{"unix":{"uid":1000}}', 1)).results
    assert.ok(issued?.issued)
    const [text] = (await ask('{"unix":{"uid":"1000"}}', 1)).results
    assert.match(text?.error?.message ?? '', /^refused, reference /)
    await ask(JSON.stringify({ junk: 'x'.repeat(60_000) }), 50)
    await ask(JSON.stringify({ unix: { user: 'x'.repeat(60_000) } }), 60)
    const rows = await events(authority, 'svid.refused')
    assert.equal(rows.length, 100)
    for (const { detailJson } of rows) assert.ok(detailJson.length < 1_000)
    assert.match(rows[0]?.detailJson ?? '', /workload\.unix\.uid is not of the type int/)
  })

  it('are one an hour when it is locked and keeps calling on new connections', async () => {
    await using authority = await start()
    using bot = await joinBot(authority, 'builder')
    await issue(bot, [])
    await authority.apply(LOCK)
    const references = new Set<string | undefined>()
    for (let n = 0; n < 10; n++) {
      using again = botClient(authority, bot.key, bot.certificate)
      await assert.rejects(issue(again, []), (error: Error) => {
        references.add(/reference (\S+)/.exec(error.message)?.[1])
        return true
      })
    }
    const rows = await events(authority, 'bot.refused')
    assert.deepEqual(
      rows.map(({ ref }) => ref),
      [...references],
    )
    assert.equal(rows.length, 1)
  })
})

describe('the sync stream of a bot', () => {
  it('is a single one: a newer one ends the older and frees its memory', async () => {
    await using authority = await start()
    using bot = await joinBot(authority, 'builder')
    using older = new SyncReader(bot)
    await older.snapshot()
    using newer = new SyncReader(bot)
    await newer.snapshot()
    await assert.rejects(older.next(), { status: StatusCode.UNAVAILABLE, message: /newer sync stream/ })
    await authority.apply(RESOURCES.replaceAll('web', 'web2'))
    assert.deepEqual(
      (await newer.next()).upserts.map(({ name }) => name),
      ['web2'],
    )
  })

  it('cannot be reopened in a flood', async () => {
    await using authority = await start()
    using bot = await joinBot(authority, 'builder')
    const statuses = new Set<unknown>()
    for (let n = 0; n < 40; n++) {
      using reader = new SyncReader(bot)
      await reader.snapshot().catch((error: RpcError) => statuses.add(error.status))
    }
    assert.deepEqual([...statuses], [StatusCode.RESOURCE_EXHAUSTED])
  })
})

describe('connections of one bot', () => {
  it('are at most eight, the newest ones', async () => {
    await using authority = await start()
    using bot = await joinBot(authority, 'builder')
    using stack = new DisposableStack()
    using reader = stack.use(new SyncReader(bot))
    await reader.snapshot()
    for (let n = 0; n < 8; n++) await issue(stack.use(botClient(authority, bot.key, bot.certificate)), [])
    await assert.rejects(reader.next(), { status: StatusCode.UNAVAILABLE, message: /newer connections/ })
  })
})

describe('one certificate that two processes use', () => {
  async function usedTwice(authority: TestAuthority): Promise<unknown> {
    for (;;) {
      const [row] = await events(authority, 'bot.used_twice')
      if (row) return JSON.parse(row.detailJson)
      await setImmediate()
    }
  }

  it('is recorded with both addresses while both are connected; a renewal or a restart is not recorded', async () => {
    await using authority = await start('[::]:0')
    const at = { ...authority, address: authority.address.replace('[::]', '127.0.0.1') }
    using bot = await joinBot(at, 'builder')
    using first = botClient(at, bot.key, bot.certificate)
    await issue(first, [])
    first.client.close() // a restart, from another address
    using again = botClient(at, bot.key, bot.certificate, '::1')
    using reader = new SyncReader(again)
    await reader.snapshot()
    using renewed = await renewBot(at, again) // on a separate connection
    renewed.client.close()
    assert.deepEqual(await events(authority, 'bot.used_twice'), [])
    using thief = botClient(at, bot.key, bot.certificate, '127.0.0.1')
    await issue(thief, [])
    const { firstMs, lastMs, ...detail } = (await usedTwice(authority)) as Record<string, unknown>
    assert.equal(firstMs, lastMs)
    assert.deepEqual(detail, {
      bot: 'builder',
      botInstance: bot.certificate.botInstanceId,
      generation: 1,
      addresses: ['::1', '127.0.0.1'],
      on: 'two_connections',
      count: 1,
    })
    assert.ok(authority.log.some((line) => line.includes('"event":"bot.used_twice"')))
  })

  it('is recorded for two sync streams on one connection', async () => {
    await using authority = await start()
    using bot = await joinBot(authority, 'builder')
    using older = new SyncReader(bot)
    await older.snapshot()
    using newer = new SyncReader(bot)
    await newer.snapshot()
    assert.partialDeepStrictEqual(await usedTwice(authority), {
      addresses: ['127.0.0.1', '127.0.0.1'],
      on: 'two_streams',
    })
  })

  it('is not assumed when an agent requests another snapshot', async () => {
    await using authority = await start()
    using bot = await joinBot(authority, 'builder')
    for (let n = 0; n < 10; n++) {
      using reader = new SyncReader(bot)
      await reader.snapshot()
    }
    assert.deepEqual(await events(authority, 'bot.used_twice'), [])
  })
})
