import assert from 'node:assert/strict'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { parseJws } from '../../src/crypto/jws.ts'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import type { IssueX509SvidsResponse__Output } from '../../src/rpc/gen/signet/v1/IssueX509SvidsResponse.ts'
import type { JoinRequest } from '../../src/rpc/gen/signet/v1/JoinRequest.ts'
import { JwtSvidValidator } from '../../src/spiffe/jwt-svid.ts'
import { validateX509Svid } from '../../src/spiffe/x509-svid.ts'
import {
  ADMIN,
  auditOf,
  bundleOf,
  type ClaimOverrides,
  claimFor,
  ISSUANCE,
  issueJwt,
  issueX509,
  nowSeconds,
  RESOURCES,
} from '../support/authority-calls.ts'
import { anonymousClient, type BotClient, joinBot, joinWith } from '../support/bot-client.ts'
import { startAuthority, type TestAuthority } from '../support/start-authority.ts'

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
    'another SPIFFE ID than the attributes render': { spiffeId: 'spiffe://example.org/svc/payments/root' },
    'attributes that no rule matches': {
      workloadAttributesJson: JSON.stringify({ unix: { uid: 1, user: 'pay' } }),
    },
    'attributes that are not a tree': { workloadAttributesJson: '[1]' },
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
      assert.ok(ref)
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

  it('refuses public keys of unsupported types, and reserved audiences', async () => {
    const others = await Promise.all((['ed25519', 'ec-p384', 'rsa-2048'] as const).map(generateKeyPair))
    const keys = others.map(({ publicKeyDer }) => publicKeyDer)
    for (const key of [Buffer.alloc(0), Buffer.from('garbage'), ...keys]) {
      assert.equal((await issueX509(bot, await claimFor(authority), key)).error?.code, 7)
    }
    for (const audience of [[], [''], ['signet:x'], ['authority.example.org']]) {
      assert.equal((await issueJwt(bot, await claimFor(authority), audience)).error?.code, 7)
    }
  })

  it('processes each element of a batch on its own, in order', async () => {
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

  it('records an audit row for each SVID', async () => {
    const { issued } = await issueJwt(bot, await claimFor(authority), ['audited'])
    const { jti } = parseJws(issued?.token ?? '').claims
    const events = await auditOf(authority.admin, { events: ['jwt_svid.issued'] })
    const detail = JSON.parse(events.at(-1)?.detailJson ?? '{}')
    assert.equal(detail.jti, jti)
    assert.deepEqual(detail.attributes.workload.unix, { uid: 1000, user: 'pay' })
    assert.equal(detail.attributes.join.method, 'secret')
  })

  it('records reports of agents as theirs, and refuses other events', async () => {
    const now = Date.now()
    const process = { pid: 7, gid: 8, startedMs: 9, times: { count: 3, firstMs: now - 2, lastMs: now } }
    const event = { uid: 1000, processes: [process], denied: { reason: 'no_identity' } }
    await bot.client.unary('signet.v1.ReportService', 'Report', { events: [event] })
    const [row] = await auditOf(authority.admin, { events: ['identity.*'] })
    const { bot: _bot, botInstance: _instance, ...detail } = JSON.parse(row?.detailJson ?? '{}')
    assert.deepEqual(detail, {
      uid: 1000,
      count: 3,
      firstMs: now - 2,
      lastMs: now,
      processes: [{ pid: 7, gid: 8, startedMs: 9, count: 3, firstMs: now - 2, lastMs: now }],
      reason: 'no_identity',
    })
    const report = bot.client.unary('signet.v1.ReportService', 'Report', { events: [{ uid: 1000 }] })
    await assert.rejects(report, { status: 3 })
  })

  it('allows only a join without a bot certificate', async () => {
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

  it('does not reveal to a joiner whether the token is unknown or the secret wrong', async () => {
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
    await assert.rejects(call.say({ start: { protocolVersion: 99 } }), { status: 9 })
    using older = anonymous.converse<JoinRequest, object>('signet.v1.JoinService', 'Join')
    await assert.rejects(older.say({}), { status: 9, publicMessage: /upgrade the agent$/ })
  })

  it('explains which identities attributes would get', async () => {
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

  it('keeps serving while other connections send garbage or nothing', async () => {
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

  it('keeps its data, admin socket and keys private', async () => {
    const mode = async (name: string): Promise<number> =>
      (await stat(path.join(authority.directory, name))).mode & 0o777
    assert.equal(await mode('data'), 0o700)
    assert.equal(await mode('run'), 0o700)
    assert.equal(await mode('run/admin.sock'), 0o600)
    assert.equal(await mode('keys/kek'), 0o600)
  })
})
