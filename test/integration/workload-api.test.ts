import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { Bundle } from '../../src/spiffe/bundle.ts'
import { splitCertificates } from '../support/certificates.ts'
import { type Serving, startServing } from '../support/serving.ts'
import { WorkloadClient } from '../support/workload-client.ts'
import { needsTwoUsers, WorkloadProcess } from '../support/workload-process.ts'

const UID = process.getuid?.() ?? 0
const OTHER_UID = 54_321
const ID = 'spiffe://example.org/web'
const WEB = { spiffe_id: '/web', allow: [{ match: { 'workload.unix.uid': UID } }] }
const SHOP = { ...WEB, spiffe_id: '/shop' }
const NOBODY = { spiffe_id: '/nobody', allow: [{ match: { 'workload.unix.uid': 4242 } }] }

const INVALID_ARGUMENT = 3
const PERMISSION_DENIED = 7
const UNIMPLEMENTED = 12
const UNAVAILABLE = 14

const REQUESTS: Readonly<Record<string, object>> = {
  FetchX509SVID: {},
  FetchX509Bundles: {},
  FetchJWTBundles: {},
  FetchJWTSVID: { audience: ['a'] },
  ValidateJWTSVID: { audience: 'a', svid: 'x' },
  FetchWITSVID: {},
  FetchWITBundles: {},
}
const STREAMS = ['FetchX509SVID', 'FetchX509Bundles', 'FetchJWTBundles', 'FetchWITSVID', 'FetchWITBundles']

async function answer(
  client: WorkloadClient,
  method: string,
  metadata?: Record<string, string | readonly string[]>,
) {
  const request = REQUESTS[method] ?? {}
  const options = metadata ? { metadata } : {}
  return STREAMS.includes(method)
    ? client.first(method, request, options)
    : client.unary(method, request, options)
}

async function eventually(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('the security header', () => {
  for (const metadata of [
    {},
    { 'workload.spiffe.io': 'True' },
    { 'workload.spiffe.io': '' },
    { 'workload.spiffe.io': ['true', 'true'] },
  ]) {
    it(`is demanded of every method: ${JSON.stringify(metadata)} is INVALID_ARGUMENT`, async () => {
      await using serving = await startServing({ identities: { web: WEB } })
      using client = new WorkloadClient(serving.socket)
      for (const method of Object.keys(REQUESTS)) {
        await assert.rejects(answer(client, method, metadata), { code: INVALID_ARGUMENT }, method)
      }
    })
  }
})

describe('an agent that has not synced yet', () => {
  it('answers UNAVAILABLE, which clients retry, and never a refusal', async () => {
    await using serving = await startServing({})
    using client = new WorkloadClient(serving.socket)
    for (const method of Object.keys(REQUESTS).filter((name) => !name.includes('WIT'))) {
      await assert.rejects(answer(client, method), { code: UNAVAILABLE }, method)
    }
  })
})

describe('a caller without an identity', () => {
  it('hears `no identity issued` from every method, and nothing more', async () => {
    await using serving = await startServing({ identities: { nobody: NOBODY } })
    using client = new WorkloadClient(serving.socket)
    for (const method of Object.keys(REQUESTS).filter((name) => !name.includes('WIT'))) {
      await assert.rejects(
        answer(client, method),
        { code: PERMISSION_DENIED, details: 'no identity issued' },
        method,
      )
    }
    const told = serving.events.filter(({ event }) => event === 'identity.denied')
    assert.equal(told.length, 1)
    assert.equal(told[0]?.['run'], `signet explain --pid ${process.pid}`)
    assert.equal(serving.denied.length, 5) // all are reported, which adds them up
    assert.equal(serving.denied[0]?.process.pid, process.pid)
    assert.match(await serving.metrics.expose(), /signet_denied_total\{reason="no_identity"\} 5/)
  })

  it('is told apart from one with an identity by the user that the kernel reports', {
    skip: needsTwoUsers,
  }, async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    const call = { socket: serving.socket, method: 'FetchX509SVID' }
    await using ours = new WorkloadProcess({ ...call, uid: UID })
    await using others = new WorkloadProcess({ ...call, uid: OTHER_UID })
    const [granted, refused] = await Promise.all([ours.outcome(), others.outcome()])
    assert.equal(granted.event, 'message')
    assert.deepEqual(refused, { event: 'ended', code: PERMISSION_DENIED, details: 'no identity issued' })
  })
})

describe('FetchX509SVID', () => {
  it('sends a whole X.509-SVID: chain, key that fits, bundle, hint', async () => {
    await using serving = await startServing({ identities: { web: { ...WEB, hint: 'internal' } } })
    using client = new WorkloadClient(serving.socket)
    const { svids, federatedBundles } = await client.first('FetchX509SVID')
    assert.equal(svids.length, 1)
    const [svid] = svids
    assert.equal(svid.spiffeId, ID)
    assert.equal(svid.hint, 'internal')
    const leaf = new X509Certificate(svid.x509Svid)
    assert.equal(leaf.subjectAltName, `URI:${ID}`)
    const key = createPrivateKey({ key: svid.x509SvidKey, format: 'der', type: 'pkcs8' })
    assert.ok(leaf.checkPrivateKey(key))
    const [root] = splitCertificates(svid.bundle)
    assert.ok(root && leaf.checkIssued(root) && leaf.verify(root.publicKey))
    assert.deepEqual(federatedBundles, {})
  })

  it('sends every identity in one snapshot, in the order of their names', async () => {
    await using serving = await startServing({ identities: { web: WEB, shop: SHOP, nobody: NOBODY } })
    using client = new WorkloadClient(serving.socket)
    const { svids } = await client.first('FetchX509SVID')
    assert.deepEqual(
      svids.map((svid: { spiffeId: string }) => svid.spiffeId),
      ['spiffe://example.org/shop', ID],
    )
  })

  it('gives one identity one key, whoever asks', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using one = new WorkloadClient(serving.socket)
    using other = new WorkloadClient(serving.socket)
    const [first, second] = await Promise.all([one.first('FetchX509SVID'), other.first('FetchX509SVID')])
    assert.deepEqual(first, second)
    assert.equal(serving.issuer.asked.x509.length, 1)
  })

  it('answers UNAVAILABLE when nothing can be issued', async () => {
    await using serving = await startServing({ identities: { web: WEB }, prepare: failFor('web') })
    using client = new WorkloadClient(serving.socket)
    await assert.rejects(client.first('FetchX509SVID'), { code: UNAVAILABLE })
  })

  it('pushes a new identity to an open stream, then its withdrawal, then ends with the last one', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    using stream = client.stream('FetchX509SVID')
    assert.equal((await stream.next()).svids.length, 1)
    serving.learn({}, { web: WEB, shop: SHOP })
    assert.equal((await stream.next()).svids.length, 2)
    serving.learn({}, { shop: SHOP })
    const { svids } = await stream.next()
    assert.deepEqual(
      svids.map((svid: { spiffeId: string }) => svid.spiffeId),
      ['spiffe://example.org/shop'],
    )
    serving.learn({}, {})
    assert.deepEqual(await stream.ended, { code: PERMISSION_DENIED, details: 'no identity issued' })
  })

  it('leaves the connection open when it withdraws the last identity: a new grant is served on it', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    using stream = client.stream('FetchX509SVID')
    await stream.next()
    serving.learn({}, {})
    await stream.ended
    serving.learn({}, { web: WEB })
    assert.equal((await client.first('FetchX509SVID')).svids.length, 1)
  })

  for (const [what, more] of [
    [
      'the identity',
      {
        lockOn: ({ workloadIdentity }: { workloadIdentity: string }) =>
          workloadIdentity === 'web' ? 'a lock' : undefined,
      },
    ],
    [
      'the SPIFFE ID',
      { lockOn: ({ spiffeId }: { spiffeId: string }) => (spiffeId === ID ? 'a lock' : undefined) },
    ],
    ['the bot', { botLock: 'a lock' }],
  ] as const) {
    it(`ends a stream at once when ${what} is locked`, async () => {
      await using serving = await startServing({ identities: { web: WEB } })
      using client = new WorkloadClient(serving.socket)
      using stream = client.stream('FetchX509SVID')
      await stream.next()
      serving.learn(more)
      assert.deepEqual(await stream.ended, { code: PERMISSION_DENIED, details: 'no identity issued' })
    })
  }

  it('sends nothing when what it would send is what it sent', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    using stream = client.stream('FetchX509SVID')
    await stream.next()
    for (let times = 0; times < 5; times += 1) serving.learn()
    serving.learn({}, { web: WEB, shop: SHOP })
    assert.equal((await stream.next()).svids.length, 2)
  })

  it('pushes the new CA and then an SVID of it', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    using stream = client.stream('FetchX509SVID')
    const [{ x509Svid: before }] = (await stream.next()).svids
    await serving.issuer.rotate()
    serving.learn()
    const after = await stream.until(({ svids }) => !svids[0].x509Svid.equals(before))
    const roots = splitCertificates(after.svids[0].bundle)
    assert.equal(roots.length, 2)
    const leaf = new X509Certificate(after.svids[0].x509Svid)
    assert.ok(roots[0] && leaf.checkIssued(roots[0]))
  })

  it('keeps streams open, with what they have, while the authority cannot be reached', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    using stream = client.stream('FetchX509SVID')
    const [first] = (await stream.next()).svids
    serving.issuer.fails = () => new TypeError('unreachable')
    await serving.issuer.rotate()
    serving.learn()
    const [second] = (await stream.next()).svids // the bundle has changed, the SVID has not
    assert.deepEqual(second.x509Svid, first.x509Svid)
    assert.deepEqual((await client.first('FetchX509SVID')).svids[0].x509Svid, first.x509Svid)
  })

  it('does not send an SVID that expired: the stream ends UNAVAILABLE when there is none left', async () => {
    await using serving = await startServing({
      identities: { web: WEB },
      prepare: (issuer) => {
        issuer.ttlSeconds = 2
      },
    })
    using client = new WorkloadClient(serving.socket)
    using stream = client.stream('FetchX509SVID')
    await stream.next()
    serving.issuer.fails = () => new TypeError('unreachable')
    assert.equal((await stream.ended).code, UNAVAILABLE)
  })

  it('renews at half life and pushes the renewal', async () => {
    await using serving = await startServing({
      identities: { web: WEB },
      prepare: (issuer) => {
        issuer.ttlSeconds = 2
      },
    })
    using client = new WorkloadClient(serving.socket)
    using stream = client.stream('FetchX509SVID')
    const serials = new Set<string>()
    for (let messages = 0; messages < 3; messages += 1) {
      serials.add(new X509Certificate((await stream.next()).svids[0].x509Svid).serialNumber)
    }
    assert.equal(serials.size, 3)
  })
})

describe('bundles', () => {
  const partner = async (serving: Serving) => {
    const foreign = (await startServingElsewhere()).bundle
    serving.learn({ federatedBundles: new Map([['partner.example', foreign]]) })
    return foreign
  }

  it('of the own trust domain reach callers with an identity, keyed by its SPIFFE ID', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    const x509 = await client.first('FetchX509Bundles')
    assert.deepEqual(Object.keys(x509.bundles), ['spiffe://example.org'])
    assert.equal(splitCertificates(x509.bundles['spiffe://example.org']).length, 1)
    const jwt = await client.first('FetchJWTBundles')
    const { keys } = JSON.parse(jwt.bundles['spiffe://example.org'].toString())
    assert.deepEqual(
      keys.map(({ kid }: { kid: string }) => kid),
      [serving.issuer.activeJwtKeyId],
    )
  })

  it('of foreign trust domains reach callers whose identity federates with them, and only those', async () => {
    const identities = { web: { ...WEB, federates_with: ['partner.example'] } }
    await using serving = await startServing({ identities })
    const foreign = await partner(serving)
    using client = new WorkloadClient(serving.socket)
    const { svids, federatedBundles } = await client.first('FetchX509SVID')
    assert.equal(svids.length, 1)
    assert.deepEqual(federatedBundles, { 'spiffe://partner.example': foreign.x509Der() })
    const { bundles } = await client.first('FetchX509Bundles')
    assert.deepEqual(Object.keys(bundles), ['spiffe://example.org', 'spiffe://partner.example'])
    serving.learn({ federatedBundles: new Map([['partner.example', foreign]]) }, { web: WEB })
    assert.deepEqual((await client.first('FetchX509SVID')).federatedBundles, {})
  })

  it('are pushed when they change', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    using x509 = client.stream('FetchX509Bundles')
    using jwt = client.stream('FetchJWTBundles')
    await Promise.all([x509.next(), jwt.next()])
    await serving.issuer.rotate()
    serving.learn()
    const changed = await x509.next()
    assert.equal(splitCertificates(changed.bundles['spiffe://example.org']).length, 2)
    const { bundles } = await jwt.next()
    assert.equal(JSON.parse(bundles['spiffe://example.org'].toString()).keys.length, 2)
  })
})

async function startServingElsewhere(): Promise<{ bundle: Bundle }> {
  await using serving = await startServing({ identities: {} })
  const { x509Authorities } = serving.issuer.bundle()
  return { bundle: Bundle.of({ trustDomain: 'partner.example', x509Authorities, jwtAuthorities: [] }) }
}

function failFor(identity: string) {
  return (issuer: Serving['issuer']): void => {
    issuer.fails = ({ workloadIdentity }) =>
      workloadIdentity === identity ? new TypeError('unreachable') : undefined
  }
}

describe('FetchJWTSVID', () => {
  const claimsOf = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

  it('gives one token for each identity, for exactly the audiences asked', async () => {
    await using serving = await startServing({ identities: { web: { ...WEB, hint: 'w' }, shop: SHOP } })
    using client = new WorkloadClient(serving.socket)
    const { svids } = await client.unary('FetchJWTSVID', { audience: ['b', 'a', 'b'] })
    assert.deepEqual(
      svids.map((svid: { spiffeId: string; hint: string }) => [svid.spiffeId, svid.hint]),
      [
        ['spiffe://example.org/shop', ''],
        [ID, 'w'],
      ],
    )
    assert.deepEqual(claimsOf(svids[1].svid).aud, ['a', 'b'])
    assert.equal(claimsOf(svids[1].svid).sub, ID)
  })

  it('gives the identity that is asked for', async () => {
    await using serving = await startServing({ identities: { web: WEB, shop: SHOP } })
    using client = new WorkloadClient(serving.socket)
    const { svids } = await client.unary('FetchJWTSVID', { audience: ['a'], spiffeId: ID })
    assert.deepEqual(
      svids.map((svid: { spiffeId: string }) => svid.spiffeId),
      [ID],
    )
  })

  describe('where identities limit their audiences', () => {
    const identities = {
      web: { ...WEB, jwt: { allowed_audiences: ['vault', 'a'] } },
      shop: { ...SHOP, jwt: { allowed_audiences: { glob: 'https://*.example.org/**' } } },
      none: { ...WEB, spiffe_id: '/none', jwt: { allowed_audiences: [] } },
    }
    const idsOf = async (serving: Serving, request: object): Promise<string[]> => {
      using client = new WorkloadClient(serving.socket)
      const { svids } = await client.unary('FetchJWTSVID', request)
      return svids.map((svid: { spiffeId: string }) => svid.spiffeId)
    }

    it('gives tokens of those that allow all that was asked for', async () => {
      await using serving = await startServing({ identities })
      assert.deepEqual(await idsOf(serving, { audience: ['vault'] }), [ID])
      assert.deepEqual(await idsOf(serving, { audience: ['a', 'vault'] }), [ID])
      const url = 'https://api.example.org/v1'
      assert.deepEqual(await idsOf(serving, { audience: [url] }), ['spiffe://example.org/shop'])
      assert.deepEqual(await idsOf(serving, { audience: ['a'], spiffeId: ID }), [ID])
    })

    for (const [what, request] of [
      ['for an audience that no identity allows', { audience: ['b'] }],
      ['for audiences that no identity allows together', { audience: ['a', 'https://api.example.org/v1'] }],
      ['of the identity that does not allow it', { audience: ['https://api.example.org/v1'], spiffeId: ID }],
      ['of one that allows none', { audience: ['a'], spiffeId: 'spiffe://example.org/none' }],
    ] as const) {
      it(`gives none ${what}, and asks the authority for none`, async () => {
        await using serving = await startServing({ identities })
        await assert.rejects(idsOf(serving, request), {
          code: PERMISSION_DENIED,
          details: 'no identity issued',
        })
        assert.deepEqual(serving.issuer.asked.jwt, [])
        const denied = serving.events.find(({ event }) => event === 'identity.denied')
        assert.equal(denied?.['reason'], 'audience_not_allowed')
      })
    }
  })

  it('answers from the cache, whatever the order of the audiences', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    const first = await client.unary('FetchJWTSVID', { audience: ['a', 'b'] })
    const second = await client.unary('FetchJWTSVID', { audience: ['b', 'a'] })
    assert.deepEqual(first, second)
    assert.equal(serving.issuer.asked.jwt.length, 1)
  })

  for (const [what, request] of [
    ['no audience', {}],
    ['an empty audience', { audience: [''] }],
    ['an empty audience among others', { audience: ['a', ''] }],
    ['an audience of 5 000 characters', { audience: ['x'.repeat(5_000)] }],
    ['more than 32 audiences', { audience: Array.from({ length: 33 }, (_, n) => `a${n}`) }],
    ['something that is no SPIFFE ID', { audience: ['a'], spiffeId: 'foo' }],
  ] as const) {
    it(`refuses ${what} with INVALID_ARGUMENT and does not repeat it`, async () => {
      await using serving = await startServing({ identities: { web: WEB } })
      using client = new WorkloadClient(serving.socket)
      const call = client.unary('FetchJWTSVID', request)
      await assert.rejects(call, ({ code, details }: { code: number; details: string }) => {
        assert.equal(code, INVALID_ARGUMENT)
        assert.doesNotMatch(details, /xxx|foo/)
        return true
      })
    })
  }

  it('refuses the SPIFFE ID of somebody else', async () => {
    await using serving = await startServing({ identities: { web: WEB, nobody: NOBODY } })
    using client = new WorkloadClient(serving.socket)
    const call = client.unary('FetchJWTSVID', { audience: ['a'], spiffeId: 'spiffe://example.org/nobody' })
    await assert.rejects(call, { code: PERMISSION_DENIED, details: 'no identity issued' })
  })

  it('does not deliver a token whose identity was withdrawn while the authority signed it', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    serving.issuer.before = async () => serving.learn({}, {})
    await assert.rejects(client.unary('FetchJWTSVID', { audience: ['a'] }), { code: PERMISSION_DENIED })
  })

  it('does not answer from the cache once the identity is withdrawn', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    await client.unary('FetchJWTSVID', { audience: ['a'] })
    serving.learn({}, {})
    await assert.rejects(client.unary('FetchJWTSVID', { audience: ['a'] }), { code: PERMISSION_DENIED })
  })
})

describe('ValidateJWTSVID', () => {
  it('returns SPIFFE ID and claims of a good token, aud as a list', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    const [{ svid }] = (await client.unary('FetchJWTSVID', { audience: ['a'] })).svids
    const { spiffeId, claims } = await client.unary('ValidateJWTSVID', { audience: 'a', svid })
    assert.equal(spiffeId, ID)
    assert.equal(claims.fields.sub.stringValue, ID)
    assert.equal(claims.fields.aud.listValue.values[0].stringValue, 'a')
    assert.ok(claims.fields.exp.numberValue > 0)
  })

  it('refuses what is not valid with INVALID_ARGUMENT and does not repeat it', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    const [{ svid }] = (await client.unary('FetchJWTSVID', { audience: ['a'] })).svids
    for (const request of [
      { audience: 'b', svid },
      { audience: 'a', svid: `${svid.slice(0, -4)}AAAA` },
      { audience: 'a', svid: 'secret-looking-thing' },
      { audience: '', svid },
      { audience: 'a', svid: '' },
    ]) {
      await assert.rejects(
        client.unary('ValidateJWTSVID', request),
        (error: { code: number; details: string }) => {
          assert.equal(error.code, INVALID_ARGUMENT)
          assert.doesNotMatch(error.details, /secret|AAAA/)
          return true
        },
      )
    }
  })
})

describe('the WIT profile', () => {
  for (const method of ['FetchWITSVID', 'FetchWITBundles']) {
    it(`is not supported: ${method} is UNIMPLEMENTED`, async () => {
      await using serving = await startServing({ identities: { web: WEB } })
      using client = new WorkloadClient(serving.socket)
      await assert.rejects(client.first(method), { code: UNIMPLEMENTED })
    })
  }
})

describe('attestation over the socket', () => {
  it('finds who calls: user and group names, path, digest of the executable', async () => {
    const rule = {
      spiffe_id: '/svc/{{ workload.unix.user }}',
      allow: [
        {
          match: {
            'workload.unix.uid': UID,
            'workload.unix.binary_path': process.execPath,
            'workload.unix.binary_sha256': { glob: '*' },
          },
        },
      ],
    }
    await using serving = await startServing({ identities: { web: rule } })
    using client = new WorkloadClient(serving.socket)
    await client.first('FetchX509SVID')
    const [claim] = serving.issuer.asked.x509
    assert.ok(claim)
    const { unix } = claim.workloadAttributes as { unix: Record<string, unknown> }
    assert.equal(unix['pid'], process.pid)
    assert.match(String(unix['binary_sha256']), /^[0-9a-f]{64}$/)
    assert.match(claim.spiffeId, /^spiffe:\/\/example\.org\/svc\/\w+/)
  })

  it('serves without the digest when the executable is larger than the limit', async () => {
    const identities = {
      bytes: { ...WEB, allow: [{ match: { 'workload.unix.binary_sha256': { glob: '*' } } }] },
      web: SHOP,
    }
    await using serving = await startServing({ identities, digestMaxBytes: 10 })
    using client = new WorkloadClient(serving.socket)
    const { svids } = await client.first('FetchX509SVID')
    assert.deepEqual(
      svids.map((svid: { spiffeId: string }) => svid.spiffeId),
      ['spiffe://example.org/shop'],
    )
  })

  it('ends a stream, as UNAVAILABLE, of a process that runs something else by the next push', async () => {
    const { execThenRead } = await import('../support/exec-client.ts')
    await using serving = await startServing({ identities: { web: WEB } })
    await using changed = await execThenRead(serving.socket)
    await changed.executed
    serving.learn({}, { web: WEB, shop: SHOP })
    await eventually(() => serving.events.some(({ event }) => event === 'process.changed'))
    assert.equal(
      serving.events.find(({ event }) => event === 'process.changed')?.['reason'],
      'other executable',
    )
  })

  it('forgets a caller that is killed', { skip: needsTwoUsers }, async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    await using workload = new WorkloadProcess({ socket: serving.socket, method: 'FetchX509SVID', uid: UID })
    await workload.outcome()
    workload.kill()
    serving.learn({}, { web: WEB, shop: SHOP })
    using client = new WorkloadClient(serving.socket)
    assert.equal((await client.first('FetchX509SVID')).svids.length, 2)
  })
})

describe('a connection at its limit of streams', () => {
  it('is served on every one of them', async () => {
    await using serving = await startServing({ identities: { web: WEB }, maxStreamsPerConnection: 2 })
    using client = new WorkloadClient(serving.socket)
    using one = client.stream('FetchX509SVID')
    using two = client.stream('FetchX509SVID')
    await Promise.all([one.next(), two.next()])
    serving.learn({}, { web: WEB, shop: SHOP })
    assert.equal((await one.next()).svids.length, 2)
    assert.equal((await two.next()).svids.length, 2)
  })
})
