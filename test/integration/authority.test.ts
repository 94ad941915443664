import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { parseJws } from '../../src/crypto/jws.ts'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import type { RpcClient } from '../../src/rpc/client.ts'
import type { ApplyResponse__Output } from '../../src/rpc/gen/signet/v1/ApplyResponse.ts'
import type { GetBundleResponse__Output } from '../../src/rpc/gen/signet/v1/GetBundleResponse.ts'
import type { IssueJwtSvidsResponse__Output } from '../../src/rpc/gen/signet/v1/IssueJwtSvidsResponse.ts'
import type { IssueX509SvidsResponse__Output } from '../../src/rpc/gen/signet/v1/IssueX509SvidsResponse.ts'
import type { JoinRequest } from '../../src/rpc/gen/signet/v1/JoinRequest.ts'
import type { ListAuditEventsResponse__Output } from '../../src/rpc/gen/signet/v1/ListAuditEventsResponse.ts'
import type { ListBotInstancesResponse__Output } from '../../src/rpc/gen/signet/v1/ListBotInstancesResponse.ts'
import type { VerifyAuditResponse__Output } from '../../src/rpc/gen/signet/v1/VerifyAuditResponse.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'
import { JwtSvidValidator } from '../../src/spiffe/jwt-svid.ts'
import { validateX509Svid } from '../../src/spiffe/x509-svid.ts'
import {
  anonymousClient,
  type BotClient,
  joinBot,
  joinWith,
  renewBot,
  SyncReader,
} from '../support/bot-client.ts'
import { startAuthority, type TestAuthority } from '../support/start-authority.ts'

const ADMIN = 'signet.v1.AdminService'
const ISSUANCE = 'signet.v1.IssuanceService'

const RESOURCES = `
kind: role
version: v1
metadata: { name: ci }
spec:
  max_ttl: 30m
  allow:
    - { kind: workload_identity, labels: { env: staging }, spiffe_ids: [/svc/**], dns_names: ["*.internal"] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [ci], traits: { team: pay } }
---
kind: workload_identity
version: v1
metadata: { name: payments, labels: { env: staging } }
spec:
  spiffe_id: /svc/payments/{{ workload.unix.user }}
  allow:
    - match: { workload.unix.uid: 1000 }
  x509: { ttl: 1h, dns_sans: [payments.internal] }
  jwt: { ttl: 5m, extra_claims: { team: "{{ bot.traits.team }}" } }
---
kind: workload_identity
version: v1
metadata: { name: elsewhere, labels: { env: production } }
spec: { spiffe_id: /svc/elsewhere, allow: [ { match: { workload.unix.uid: 1000 } } ] }
---
kind: workload_identity
version: v1
metadata: { name: outside, labels: { env: staging } }
spec: { spiffe_id: /other/outside, allow: [ { match: { workload.unix.uid: 1000 } } ] }
`

const identity = (name: string, more = ''): string =>
  `kind: workload_identity\nversion: v1\nmetadata: { name: ${name}, labels: { env: staging } }\nspec: { spiffe_id: /svc/${name}, allow: [ { match: { workload.unix.uid: 1000 } } ]${more} }\n---\n`

const WORKLOAD = JSON.stringify({ unix: { uid: 1000, user: 'pay' } })

interface ClaimOverrides {
  readonly workloadIdentity?: string
  readonly revision?: string
  readonly spiffeId?: string
  readonly workloadAttributesJson?: string
}

async function claimFor(authority: TestAuthority, overrides: ClaimOverrides = {}): Promise<object> {
  const name = overrides.workloadIdentity ?? 'payments'
  const { resource } = await authority.admin.unary<object, { resource: { revision: string } }>(
    ADMIN,
    'GetResource',
    {
      kind: 'workload_identity',
      name,
    },
  )
  return {
    workloadIdentity: name,
    revision: resource.revision,
    spiffeId: 'spiffe://example.org/svc/payments/pay',
    workloadAttributesJson: WORKLOAD,
    ...overrides,
  }
}

async function issueX509(bot: BotClient, claim: object, publicKey?: Buffer) {
  const key = publicKey ?? (await generateKeyPair()).publicKeyDer
  const request = { requests: [{ claim, publicKey: key }] }
  const { results } = await bot.client.unary<object, IssueX509SvidsResponse__Output>(
    ISSUANCE,
    'IssueX509Svids',
    request,
  )
  assert.ok(results[0])
  return results[0]
}

async function issueJwt(bot: BotClient, claim: object, audience: readonly string[]) {
  const request = { requests: [{ claim, audience }] }
  const { results } = await bot.client.unary<object, IssueJwtSvidsResponse__Output>(
    ISSUANCE,
    'IssueJwtSvids',
    request,
  )
  assert.ok(results[0])
  return results[0]
}

async function bundleOf(authority: TestAuthority): Promise<Bundle> {
  const answer = await authority.admin.unary<object, GetBundleResponse__Output>(ADMIN, 'GetBundle', {})
  return Bundle.parse(answer.trustDomain, answer.spiffeBundle)
}

async function auditOf(client: RpcClient, filter: object) {
  const events = []
  for await (const page of client.stream<object, ListAuditEventsResponse__Output>(
    ADMIN,
    'ListAuditEvents',
    filter,
  )) {
    events.push(...page.events)
  }
  return events
}

const nowSeconds = (): number => Math.floor((performance.timeOrigin + performance.now()) / 1000)

describe('an authority with a joined bot', () => {
  let authority: TestAuthority
  let bot: BotClient
  before(async () => {
    authority = await startAuthority()
    await authority.apply(RESOURCES)
    bot = await joinBot(authority, 'builder')
  })
  after(async () => {
    bot[Symbol.dispose]()
    await authority[Symbol.asyncDispose]()
  })

  it('issues an X.509-SVID that the bundle verifies, bounded by the role', async () => {
    const { issued } = await issueX509(bot, await claimFor(authority))
    assert.ok(issued)
    const svid = validateX509Svid(issued.chain, await bundleOf(authority), nowSeconds())
    assert.equal(svid.spiffeId.toString(), 'spiffe://example.org/svc/payments/pay')
    assert.deepEqual(svid.leaf.dnsSans, ['payments.internal'])
    assert.equal(svid.leaf.notAfter, Number(issued.notAfter))
    assert.equal(Number(issued.notAfter) - Number(issued.notBefore), 1800 + 60)
  })

  it('issues a JWT-SVID with exactly the audiences asked for', async () => {
    const { issued } = await issueJwt(bot, await claimFor(authority), ['a', 'b'])
    assert.ok(issued)
    const bundle = await bundleOf(authority)
    const svid = new JwtSvidValidator().validate(issued.token, {
      audience: 'b',
      nowSeconds: nowSeconds(),
      bundleFor: () => bundle,
    })
    assert.equal(svid.spiffeId.toString(), 'spiffe://example.org/svc/payments/pay')
    const { header, claims } = parseJws(issued.token)
    assert.deepEqual(Object.keys(header).sort(), ['alg', 'kid', 'typ'])
    assert.deepEqual(claims['aud'], ['a', 'b'])
    assert.deepEqual(Object.keys(claims).sort(), ['aud', 'exp', 'iat', 'jti', 'nbf', 'sub', 'team'])
    assert.equal(claims['team'], 'pay')
    assert.equal(claims['exp'], Number(issued.expiresAt))
  })

  it('keeps an array for one audience', async () => {
    const { issued } = await issueJwt(bot, await claimFor(authority), ['only'])
    assert.deepEqual(parseJws(issued?.token ?? '').claims['aud'], ['only'])
  })

  const refusals: Readonly<Record<string, ClaimOverrides>> = {
    'another SPIFFE ID than the attributes make': { spiffeId: 'spiffe://example.org/svc/payments/root' },
    'attributes that no rule matches': {
      workloadAttributesJson: JSON.stringify({ unix: { uid: 1, user: 'pay' } }),
    },
    'attributes that are no tree': { workloadAttributesJson: '[1]' },
    'a workload identity that no role permits': {
      workloadIdentity: 'elsewhere',
      spiffeId: 'spiffe://example.org/svc/elsewhere',
    },
    'a SPIFFE ID outside the bounds of the role': {
      workloadIdentity: 'outside',
      spiffeId: 'spiffe://example.org/other/outside',
    },
  }
  for (const [what, overrides] of Object.entries(refusals)) {
    it(`refuses ${what} with a reference under which the audit log has the reason`, async () => {
      const { error } = await issueX509(bot, await claimFor(authority, overrides))
      assert.equal(error?.code, 7)
      const [, ref] = /^refused, reference (\S+)$/.exec(error?.message ?? '') ?? []
      const [event] = await auditOf(authority.admin, { ref })
      assert.equal(event?.event, 'svid.refused')
      assert.equal(event?.actor, `bot:builder/${bot.certificate.botInstanceId}`)
      assert.ok(JSON.parse(event?.detailJson ?? '{}').reason)
    })
  }

  it('answers a stale revision with FAILED_PRECONDITION', async () => {
    for (const overrides of [{ revision: '1' }, { revision: '' }]) {
      assert.equal((await issueX509(bot, await claimFor(authority, overrides))).error?.code, 9)
    }
    assert.equal((await issueX509(bot, { workloadIdentity: 'gone', revision: '1' })).error?.code, 9)
  })

  it('refuses public keys that are none of ours, and reserved audiences', async () => {
    const others = await Promise.all((['ed25519', 'ec-p384', 'rsa-2048'] as const).map(generateKeyPair))
    const keys = others.map(({ publicKeyDer }) => publicKeyDer)
    for (const key of [Buffer.alloc(0), Buffer.from('garbage'), ...keys]) {
      assert.equal((await issueX509(bot, await claimFor(authority), key)).error?.code, 7)
    }
    for (const audience of [[], [''], ['signet:x'], ['authority.example.org']]) {
      assert.equal((await issueJwt(bot, await claimFor(authority), audience)).error?.code, 7)
    }
  })

  it('lets each element of a batch succeed or fail by itself, in order', async () => {
    const good = await claimFor(authority)
    const bad = await claimFor(authority, { spiffeId: 'spiffe://example.org/x' })
    const { publicKeyDer } = await generateKeyPair()
    const requests = [good, bad, good].map((claim) => ({ claim, publicKey: publicKeyDer }))
    const answer = await bot.client.unary<object, IssueX509SvidsResponse__Output>(
      ISSUANCE,
      'IssueX509Svids',
      { requests },
    )
    assert.deepEqual(
      answer.results.map(({ outcome }) => outcome),
      ['issued', 'error', 'issued'],
    )
  })

  it('refuses a batch that is too long', async () => {
    const requests = Array.from({ length: 1001 }, () => ({}))
    await assert.rejects(bot.client.unary(ISSUANCE, 'IssueX509Svids', { requests }), { status: 3 })
  })

  it('has an audit row for each SVID', async () => {
    const { issued } = await issueJwt(bot, await claimFor(authority), ['audited'])
    const { jti } = parseJws(issued?.token ?? '').claims
    const events = await auditOf(authority.admin, { event: 'jwt_svid.issued' })
    const detail = JSON.parse(events.at(-1)?.detailJson ?? '{}')
    assert.equal(detail.jti, jti)
    assert.deepEqual(detail.attributes.workload.unix, { uid: 1000, user: 'pay' })
    assert.equal(detail.attributes.join.method, 'secret')
  })

  it('records what agents report as their word, and refuses other events', async () => {
    const process = { pid: 7, gid: 8, startedMs: 9, times: { count: 3, firstMs: 1, lastMs: 2 } }
    const event = { uid: 1000, processes: [process], denied: { reason: 'no_identity' } }
    await bot.client.unary('signet.v1.ReportService', 'Report', { events: [event] })
    const [row] = await auditOf(authority.admin, { event: 'identity.*' })
    const { bot: _bot, botInstance: _instance, ...detail } = JSON.parse(row?.detailJson ?? '{}')
    assert.deepEqual(detail, {
      uid: 1000,
      count: 3,
      firstMs: 1,
      lastMs: 2,
      processes: [{ pid: 7, gid: 8, startedMs: 9, count: 3, firstMs: 1, lastMs: 2 }],
      reason: 'no_identity',
    })
    const report = bot.client.unary('signet.v1.ReportService', 'Report', { events: [{ uid: 1000 }] })
    await assert.rejects(report, { status: 3 })
  })

  it('lets nobody without a bot certificate do anything but join', async () => {
    using anonymous = await anonymousClient(authority)
    const calls: readonly (readonly [string, string])[] = [
      ['signet.v1.JoinService', 'Renew'],
      [ISSUANCE, 'IssueX509Svids'],
      ['signet.v1.ReportService', 'Report'],
    ]
    for (const [service, method] of calls) {
      await assert.rejects(anonymous.unary(service as typeof ISSUANCE, method, {}), { status: 16 })
    }
    await assert.rejects(anonymous.unary(ADMIN, 'GetStatus', {}), { status: 12 })
    await assert.rejects(bot.client.unary(ADMIN, 'GetStatus', {}), { status: 12 })
  })

  it('does not let a joiner tell an unknown token from a wrong secret', async () => {
    const { name } = await authority.createJoinToken('builder')
    for (const token of [name, 'no-such-token']) {
      await assert.rejects(
        joinWith(authority, token, 'wrong'),
        (error: { status: number; publicMessage: string }) => {
          assert.equal(error.status, 7)
          assert.match(error.publicMessage, /^refused, reference [0-9A-Z-]+$/)
          return true
        },
      )
    }
  })

  it('says that an agent of another protocol version must be upgraded', async () => {
    using anonymous = await anonymousClient(authority)
    using call = anonymous.converse<JoinRequest, object>('signet.v1.JoinService', 'Join')
    await assert.rejects(call.say({ start: { protocolVersion: 99 } }), {
      status: 9,
    })
  })

  it('explains what attributes would get', async () => {
    const attributesJson = JSON.stringify({
      workload: { unix: { uid: 1000, user: 'pay' } },
      bot: { name: 'builder', traits: { team: 'pay' } },
    })
    const answer = await authority.admin.unary<object, { explanationJson: string }>(ADMIN, 'Explain', {
      attributesJson,
    })
    const { identities } = JSON.parse(answer.explanationJson)
    const payments = identities.find((one: { identity: string }) => one.identity === 'payments')
    assert.equal(payments.granted, true)
    assert.equal(payments.spiffeId, 'spiffe://example.org/svc/payments/pay')
    await assert.rejects(authority.admin.unary(ADMIN, 'Explain', { attributesJson: '[]' }), { status: 3 })
  })

  it('goes on serving while somebody sends garbage or says nothing', async () => {
    const port = Number(authority.address.split(':')[1])
    const plain = net.connect(port, '127.0.0.1', () => plain.write('GET / HTTP/1.1\r\n\r\n'))
    plain.on('error', () => {}).resume()
    const silent = net.connect(port, '127.0.0.1')
    silent.on('error', () => {}).resume()
    const garbage = tls.connect(
      { port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] },
      () => {
        garbage.write(Buffer.alloc(4096, 0xff))
      },
    )
    garbage.on('error', () => {}).resume()
    const admin = net.connect(authority.adminSocket, () => admin.write(Buffer.alloc(4096, 0xff)))
    admin.on('error', () => {}).resume()
    await Promise.all([once(plain, 'close'), once(garbage, 'close'), once(admin, 'close')])
    assert.ok((await issueX509(bot, await claimFor(authority))).issued)
    await authority.admin.unary(ADMIN, 'GetStatus', {})
    silent.destroy()
  })

  it('keeps its data, its admin socket and its keys to itself', async () => {
    const mode = async (name: string): Promise<number> =>
      (await stat(path.join(authority.directory, name))).mode & 0o777
    assert.equal(await mode('data'), 0o700)
    assert.equal(await mode('run'), 0o700)
    assert.equal(await mode('run/admin.sock'), 0o600)
    assert.equal(await mode('keys/kek'), 0o600)
  })
})

describe('resources', () => {
  let authority: TestAuthority
  before(async () => {
    authority = await startAuthority()
  })
  after(() => authority[Symbol.asyncDispose]())
  const apply = (text: string, more: object = {}): Promise<ApplyResponse__Output> =>
    authority.admin.unary(ADMIN, 'Apply', { text, fileName: 'r.yaml', ...more })

  it('applies all documents of a file or none, and names every problem with its line', async () => {
    const text = [
      'kind: bot',
      'version: v1',
      'metadata: { name: b1 }',
      'spec: { roles: [none-such] }',
      '---',
      identity('fine').trim(),
      'kind: workload_identity',
      'version: v1',
      'metadata: { name: broken }',
      'spec:',
      '  spiffe_id: /a/{{ workload.unix.nothing }}',
      '  allow:',
      '    - when: workload.unix.uid == "text"',
    ].join('\n')
    const { problems, resources } = await apply(text)
    assert.equal(resources.length, 0)
    assert.ok(
      problems.some((problem) => problem.startsWith('r.yaml:4: spec.roles: ')),
      problems.join('\n'),
    )
    assert.ok(
      problems.some((problem) => /^r\.yaml:1[57]: spec\./.test(problem)),
      problems.join('\n'),
    )
    await assert.rejects(
      authority.admin.unary(ADMIN, 'GetResource', { kind: 'workload_identity', name: 'fine' }),
      {
        status: 5,
      },
    )
  })

  it('makes, changes and leaves alone, and says which', async () => {
    const action = async (text: string): Promise<string | undefined> =>
      (await apply(text)).resources[0]?.action
    assert.equal(await action(identity('one')), 'created')
    assert.equal(await action(identity('one')), 'unchanged')
    assert.equal(await action(identity('one', ', hint: x')), 'updated')
  })

  it('gives back what it was given, so that it can be applied again', async () => {
    await apply(identity('round', ', x509: { ttl: 90m }, jwt: { ttl: 30s }'))
    const { resource } = await authority.admin.unary<object, { resource: { yaml: string; json: string } }>(
      ADMIN,
      'GetResource',
      { kind: 'workload_identity', name: 'round' },
    )
    assert.equal((await apply(resource.yaml)).resources[0]?.action, 'unchanged')
    assert.match(resource.yaml, /ttl: 90m/)
    assert.equal(JSON.parse(resource.json).metadata.name, 'round')
  })

  it('compares without changing anything in a dry run', async () => {
    await apply(identity('dry'))
    const { resources } = await apply(identity('dry', ', hint: other') + identity('new'), { dryRun: true })
    assert.deepEqual(
      resources.map(({ name, action }) => [name, action]),
      [
        ['dry', 'updated'],
        ['new', 'created'],
      ],
    )
    assert.match(resources[0]?.diff ?? '', /^\+ {2}hint: other$/m)
    assert.equal((await apply(identity('dry'))).resources[0]?.action, 'unchanged')
  })

  it('refuses a change of what somebody else has changed meanwhile', async () => {
    const revision = (await apply(identity('raced'))).resources[0]?.revision
    await apply(identity('raced', ', hint: theirs'))
    const stale = identity('raced', ', hint: ours').replace(
      'name: raced',
      `name: raced, revision: "${revision}"`,
    )
    const { problems } = await apply(stale)
    assert.match(problems[0] ?? '', /^r\.yaml:3: metadata\.revision: .*get it again$/)
    const request = { kind: 'workload_identity', name: 'raced', revision }
    await assert.rejects(authority.admin.unary(ADMIN, 'DeleteResource', request), { status: 9 })
  })

  it('does not delete what others need, and says who they are', async () => {
    await apply(
      'kind: role\nversion: v1\nmetadata: { name: needed }\nspec: {}\n---\nkind: bot\nversion: v1\nmetadata: { name: needy }\nspec: { roles: [needed] }\n',
    )
    await authority.createJoinToken('needy')
    const drop = (kind: string, name: string): Promise<object> =>
      authority.admin.unary(ADMIN, 'DeleteResource', { kind, name })
    await assert.rejects(drop('role', 'needed'), { status: 9, publicMessage: /used by bot needy/ })
    await assert.rejects(drop('bot', 'needy'), { status: 9, publicMessage: /used by join_token needy-/ })
    await assert.rejects(drop('role', 'no-such'), { status: 5 })
    await assert.rejects(drop('planet', 'earth'), { status: 3 })
  })

  it('shows the secret of a join token once', async () => {
    const bot = 'kind: bot\nversion: v1\nmetadata: { name: tokens }\nspec: {}\n---\n'
    const token = 'kind: join_token\nversion: v1\nmetadata: { name: first }\nspec: { bot: tokens }\n'
    const { secrets } = await apply(bot + token)
    assert.equal(secrets[0]?.joinToken, 'first')
    assert.match(secrets[0]?.secret ?? '', /^[A-Za-z0-9_-]{43}$/)
    assert.deepEqual((await apply(token)).secrets, [])
    const text = JSON.stringify(await auditOf(authority.admin, {})) + authority.log.join('')
    assert.ok(!text.includes(secrets[0]?.secret ?? '-'), 'a secret must not be logged')
  })

  it('warns where an agent could choose the SPIFFE ID, whichever of the two comes last', async () => {
    const role =
      'kind: role\nversion: v1\nmetadata: { name: wide }\nspec: { allow: [ { kind: workload_identity } ] }\n'
    const chosen = identity('chosen').replace('/svc/chosen', '"/svc/{{ workload.unix.user }}"')
    assert.deepEqual((await apply(chosen)).warnings, [])
    assert.match((await apply(role)).warnings.join('\n'), /^r\.yaml:\d+: role wide: .*chosen/)
    assert.match(
      (await apply(chosen.replace('user', 'uid'))).warnings.join('\n'),
      /^r\.yaml:\d+: workload_identity chosen: /,
    )
  })

  it('records every change with who made it', async () => {
    await apply(identity('recorded'))
    const events = await auditOf(authority.admin, { event: 'resource.created' })
    const mine = events.filter(({ detailJson }) => detailJson.includes('"recorded"'))
    assert.equal(mine.length, 1)
    assert.match(mine[0]?.actor ?? '', new RegExp(`^uid:${process.getuid?.()}`))
  })

  it('lets an audit reader follow what comes', async () => {
    const abort = new AbortController()
    const stream = authority.admin.stream<object, ListAuditEventsResponse__Output>(
      ADMIN,
      'ListAuditEvents',
      { event: 'resource.*', limit: 1, follow: true },
      { signal: abort.signal },
    )
    assert.equal((await stream.next()).value.events.length, 1)
    const next = stream.next()
    await apply(identity('followed'))
    assert.match((await next).value.events[0].detailJson, /"followed"/)
    abort.abort()
    await assert.rejects(stream.next(), { code: 'ERR_RPC_FAILED' })
  })

  it('finds its own audit log intact', async () => {
    const { intact, problems } = await authority.admin.unary<object, VerifyAuditResponse__Output>(
      ADMIN,
      'VerifyAudit',
      {},
    )
    assert.deepEqual([intact, problems], [true, []])
  })
})

describe('the sync stream', () => {
  let authority: TestAuthority
  before(async () => {
    authority = await startAuthority()
    await authority.apply(RESOURCES)
  })
  after(() => authority[Symbol.asyncDispose]())
  const drop = (kind: string, name: string): Promise<object> =>
    authority.admin.unary(ADMIN, 'DeleteResource', { kind, name })

  it('begins with a snapshot of what the bot may use, and of nothing else', async () => {
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

  it('tells of new, changed and deleted workload identities as they happen', async () => {
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

  it('follows a change of the role, and of the bot', async () => {
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

  it('tells of a rotated CA', async () => {
    using bot = await joinBot(authority, 'builder')
    using sync = new SyncReader(bot)
    const [first] = await sync.snapshot()
    await authority.admin.unary(ADMIN, 'RotateCa', { purpose: 'spiffe_x509', now: true })
    let active = first?.bundle?.activeX509KeyId
    while (active === first?.bundle?.activeX509KeyId)
      active = (await sync.next()).bundle?.activeX509KeyId ?? active
    assert.notEqual(active, first?.bundle?.activeX509KeyId)
  })

  it('tells a locked bot of its lock and of nothing more, and everything again when it is lifted', async () => {
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

  it('refuses an SVID for a locked workload identity or SPIFFE ID at once', async () => {
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

  it('ends the stream of a certificate that was superseded by its successor', async () => {
    using bot = await joinBot(authority, 'builder')
    using sync = new SyncReader(bot)
    await sync.snapshot()
    using renewed = await renewBot(authority, bot)
    assert.equal(renewed.certificate.generation, '2')
    assert.ok((await issueX509(renewed, await claimFor(authority))).issued)
    await assert.rejects(sync.next(), { status: 14 })
    await assert.rejects(issueX509(bot, await claimFor(authority)), { status: 7 })
  })

  it('tells an agent that does not read of each workload identity once, in its last state', async () => {
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

describe('starting and stopping', () => {
  it('refuses a second authority on the same directory', async () => {
    await using first = await startAuthority()
    await assert.rejects(startAuthority({ directory: first.directory }), { code: 'ERR_AUTHORITY_RUNNING' })
  })

  it('refuses another trust domain or another key on the same data, and changes nothing', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-authority-'))
    try {
      const pin = await pinOf(directory)
      await assert.rejects(startAuthority({ directory, trustDomain: 'other.org' }), {
        code: 'ERR_CA_WRONG_TRUST_DOMAIN',
      })
      const kek = path.join(directory, 'keys/kek')
      const right = await readFile(kek)
      await rm(kek)
      await assert.rejects(startAuthority({ directory }), { code: 'ERR_SECRET_UNAVAILABLE' })
      await assert.rejects(stat(kek), { code: 'ENOENT' }) // a new one would only look as if it were the key
      await writeFile(kek, Buffer.alloc(32, 9), { mode: 0o600 })
      await assert.rejects(startAuthority({ directory }), { code: 'ERR_CA_WRONG_SEALING_KEY' })
      await writeFile(kek, right, { mode: 0o600 })
      assert.equal(await pinOf(directory), pin)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })

  it('has everything again after a restart: resources, bots, keys', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-authority-'))
    try {
      const first = await startAuthority({ directory })
      await first.apply(RESOURCES)
      const joined = await joinBot(first, 'builder')
      await issueX509(joined, await claimFor(first))
      const bundle = await bundleOf(first)
      joined[Symbol.dispose]()
      await first.stop()
      await using second = await startAuthority({ directory })
      assert.equal(second.pin, first.pin)
      assert.deepEqual((await bundleOf(second)).x509Der(), bundle.x509Der())
      const { instances } = await second.admin.unary<object, ListBotInstancesResponse__Output>(
        ADMIN,
        'ListBotInstances',
        {},
      )
      assert.deepEqual(
        instances.map(({ id }) => id),
        [joined.certificate.botInstanceId],
      )
      const { problems } = await second.admin.unary<object, VerifyAuditResponse__Output>(
        ADMIN,
        'VerifyAudit',
        {},
      )
      assert.deepEqual(problems, [])
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })

  it('ends open calls with UNAVAILABLE and leaves no socket behind', async () => {
    await using authority = await startAuthority()
    await authority.apply(RESOURCES)
    using bot = await joinBot(authority, 'builder')
    using sync = new SyncReader(bot)
    await sync.snapshot()
    const ended = assert.rejects(sync.next(), { status: 14 })
    await authority.stop()
    await ended
    assert.ok(!(await readdir(path.join(authority.directory, 'run'))).includes('admin.sock'))
  })

  it('serves nobody but root and its own user on the admin socket', {
    skip: process.getuid?.() !== 0 && 'needs root',
  }, async () => {
    await using authority = await startAuthority()
    const { chmod } = await import('node:fs/promises')
    // Open wide what the modes close, so that only the kernel's word is left.
    for (const name of ['.', 'run', 'run/admin.sock'])
      await chmod(path.join(authority.directory, name), 0o777)
    const script = `const s=require('net').connect(process.argv[1]);s.on('connect',()=>s.write('PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n\\0\\0\\0\\4\\0\\0\\0\\0\\0'));s.on('data',()=>process.exit(7));s.on('close',()=>process.exit(3));s.on('error',()=>{})`
    const child = spawn(process.execPath, ['-e', script, authority.adminSocket], {
      uid: 65533,
      gid: 65533,
      cwd: '/',
    })
    const [code] = await once(child, 'exit')
    assert.equal(code, 3)
  })
})

async function pinOf(directory: string): Promise<string> {
  const authority = await startAuthority({ directory })
  await authority.stop()
  return authority.pin
}
