import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ListBotInstancesResponse__Output } from '../../src/rpc/gen/signet/v1/ListBotInstancesResponse.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'
import { ADMIN, bundleOf, claimFor, identity, issueX509, RESOURCES } from '../support/authority-calls.ts'
import { joinBot, renewBot, SyncReader } from '../support/bot-client.ts'
import { startAuthority, type TestAuthority } from '../support/start-authority.ts'

describe('the sync stream', () => {
  let authority: TestAuthority
  before(async () => {
    authority = await startAuthority()
    await authority.apply(RESOURCES)
  })
  after(() => authority[Symbol.asyncDispose]())
  const drop = (kind: string, name: string): Promise<object> =>
    authority.admin.unary(ADMIN, 'DeleteResource', { kind, name })

  it('begins with a snapshot of what the bot may use, and nothing else', async () => {
    using bot = await joinBot(authority, 'builder')
    using sync = new SyncReader(bot)
    const [first, ...rest] = await sync.snapshot()
    assert.deepEqual([...sync.identities.keys()].sort(), ['outside', 'payments'])
    assert.equal(first?.bot?.instanceId, bot.certificate.botInstanceId)
    assert.deepEqual(JSON.parse(first?.bot?.attributesJson ?? '{}').bot.traits, { team: 'pay' })
    const bundle = Bundle.parse('example.org', first?.bundle?.spiffeBundle ?? '')
    assert.equal(bundle.x509Authorities.length, (await bundleOf(authority)).x509Authorities.length)
    const spec =
      rest.flatMap(({ upserts }) => upserts).find(({ name }) => name === 'payments')?.specJson ?? '{}'
    assert.equal(JSON.parse(spec).x509.ttlSeconds, 3600)
    const { instances } = await authority.admin.unary<object, ListBotInstancesResponse__Output>(
      ADMIN,
      'ListBotInstances',
      {},
    )
    assert.equal(instances.find(({ id }) => id === bot.certificate.botInstanceId)?.connected, true)
  })

  it('sends new, changed and deleted workload identities as they happen', async () => {
    using bot = await joinBot(authority, 'builder')
    using sync = new SyncReader(bot)
    await sync.snapshot()
    await authority.apply(identity('pushed'))
    assert.deepEqual(
      (await sync.next()).upserts.map(({ name }) => name),
      ['pushed'],
    )
    await authority.apply(identity('pushed').replace('env: staging', 'env: production'))
    assert.deepEqual((await sync.next()).removals, ['pushed'])
    await authority.apply(identity('pushed', ', hint: back'))
    assert.deepEqual(
      (await sync.next()).upserts.map(({ name }) => name),
      ['pushed'],
    )
    await drop('workload_identity', 'pushed')
    assert.deepEqual((await sync.next()).removals, ['pushed'])
  })

  it('follows changes of the role and of the bot', async () => {
    await authority.apply(
      'kind: role\nversion: v1\nmetadata: { name: other }\nspec: { allow: [ { kind: workload_identity, name: outside } ] }\n---\nkind: bot\nversion: v1\nmetadata: { name: second }\nspec: { roles: [other] }\n',
    )
    using bot = await joinBot(authority, 'second')
    using sync = new SyncReader(bot)
    await sync.snapshot()
    assert.deepEqual([...sync.identities.keys()], ['outside'])
    await authority.apply(
      'kind: role\nversion: v1\nmetadata: { name: other }\nspec: { allow: [ { kind: workload_identity, name: elsewhere } ] }\n',
    )
    const change = await sync.next()
    assert.deepEqual([change.removals, change.upserts.map(({ name }) => name)], [['outside'], ['elsewhere']])
    await authority.apply(
      'kind: bot\nversion: v1\nmetadata: { name: second }\nspec: { roles: [], traits: { team: x } }\n',
    )
    const last = await sync.next()
    assert.deepEqual(last.removals, ['elsewhere'])
    assert.deepEqual(JSON.parse(last.bot?.attributesJson ?? '{}').bot.traits, { team: 'x' })
  })

  it('sends a rotated CA', async () => {
    using bot = await joinBot(authority, 'builder')
    using sync = new SyncReader(bot)
    const [first] = await sync.snapshot()
    await authority.admin.unary(ADMIN, 'RotateCa', { purpose: 'spiffe_x509', now: true })
    let active = first?.bundle?.activeX509KeyId
    while (active === first?.bundle?.activeX509KeyId)
      active = (await sync.next()).bundle?.activeX509KeyId ?? active
    assert.notEqual(active, first?.bundle?.activeX509KeyId)
  })

  it('sends a locked bot its lock and nothing else, and everything again when the lock is removed', async () => {
    using bot = await joinBot(authority, 'builder')
    using sync = new SyncReader(bot)
    await sync.snapshot()
    const claim = await claimFor(authority)
    const id = bot.certificate.botInstanceId
    await authority.apply(
      `kind: lock\nversion: v1\nmetadata: { name: stolen }\nspec: { target: { bot_instance: ${id} }, reason: test }\n`,
    )
    assert.deepEqual(
      (await sync.next()).locks?.locks.map(({ botInstance }) => botInstance),
      [id],
    )
    await assert.rejects(issueX509(bot, claim), { status: 7 })
    await assert.rejects(renewBot(authority, bot), { status: 7 })
    await authority.apply(identity('while-locked'))
    await drop('lock', 'stolen')
    const messages = await sync.snapshot()
    assert.equal(messages[0]?.snapshotBegin, true)
    assert.ok(sync.identities.has('while-locked'))
    assert.ok((await issueX509(bot, claim)).issued)
  })

  it('makes the authority refuse SVIDs for a locked workload identity or SPIFFE ID immediately', async () => {
    using bot = await joinBot(authority, 'builder')
    const claim = await claimFor(authority)
    for (const target of [
      'workload_identity: payments',
      'spiffe_id: spiffe://example.org/svc/payments/pay',
    ]) {
      await authority.apply(
        `kind: lock\nversion: v1\nmetadata: { name: now }\nspec: { target: { ${target} } }\n`,
      )
      assert.equal((await issueX509(bot, claim)).error?.code, 7)
      await drop('lock', 'now')
      assert.ok((await issueX509(bot, claim)).issued)
    }
  })

  it('ends when its certificate is superseded', async () => {
    using bot = await joinBot(authority, 'builder')
    using sync = new SyncReader(bot)
    await sync.snapshot()
    using renewed = await renewBot(authority, bot)
    assert.equal(renewed.certificate.generation, '2')
    assert.ok((await issueX509(renewed, await claimFor(authority))).issued)
    await assert.rejects(sync.next(), { status: 14 })
    await assert.rejects(issueX509(bot, await claimFor(authority)), { status: 7 })
  })

  it('sends an agent that reads late each workload identity once, in its last state', async () => {
    using bot = await joinBot(authority, 'builder')
    using sync = new SyncReader(bot)
    await sync.snapshot()
    const filler = 'x'.repeat(1_000)
    let revision: string | undefined
    for (let round = 0; round < 5; round++) {
      const text = Array.from({ length: 300 }, (_, i) =>
        identity(`slow-${i}`, `, hint: ${round}-${filler}`),
      ).join('')
      revision = (await authority.apply(text)).resources.at(-1)?.revision
    }
    let messages = 0
    while (sync.identities.get('slow-299') !== revision) {
      await sync.next()
      messages++
    }
    assert.equal(sync.identities.size, [...sync.identities.keys()].length)
    assert.ok(messages < 50)
  })
})
