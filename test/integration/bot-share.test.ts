import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AuditEvent__Output } from '../../src/rpc/gen/signet/v1/AuditEvent.ts'
import type { IssueX509SvidsResponse__Output } from '../../src/rpc/gen/signet/v1/IssueX509SvidsResponse.ts'
import { type BotClient, botClient, joinBot, SyncReader } from '../support/bot-client.ts'
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

async function start() {
  const authority = await startAuthority()
  await authority.apply(RESOURCES)
  return authority
}

async function events(authority: TestAuthority, event: string): Promise<AuditEvent__Output[]> {
  const found: AuditEvent__Output[] = []
  const pages = authority.admin.stream<object, { events: AuditEvent__Output[] }>(
    'signet.v1.AdminService',
    'ListAuditEvents',
    { event },
  )
  for await (const page of pages) found.push(...page.events)
  return found
}

function issue(bot: BotClient, requests: readonly object[]): Promise<IssueX509SvidsResponse__Output> {
  return bot.client.unary('signet.v1.IssuanceService', 'IssueX509Svids', { requests })
}

async function revisionOf(bot: BotClient, identity: string): Promise<string> {
  using reader = new SyncReader(bot)
  await reader.snapshot()
  return reader.identities.get(identity) ?? ''
}

describe('what one bot can write into the audit log', () => {
  it('is not the junk that it claims, and not a row for each refusal', async () => {
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

  it('is some rows and no more when it is locked and comes again and again', async () => {
    await using authority = await start()
    using bot = await joinBot(authority, 'builder')
    await issue(bot, [])
    await authority.apply(LOCK)
    let last = ''
    for (let n = 0; n < 60; n++) {
      using again = botClient(authority, bot.key, bot.certificate)
      await assert.rejects(issue(again, []), (error: Error) => {
        last = /reference (\S+)/.exec(error.message)?.[1] ?? ''
        return last !== ''
      })
    }
    const rows = await events(authority, 'bot.refused')
    assert.ok(rows.length >= 50 && rows.length < 60)
    assert.ok(!rows.some(({ ref }) => ref === last))
  })
})
