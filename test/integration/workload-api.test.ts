import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { Bundle } from '../../src/spiffe/bundle.ts'
import { splitCertificates } from '../support/certificates.ts'
import { type Serving, startServing } from '../support/serving.ts'
import {
  answer,
  failFor,
  ID,
  INVALID_ARGUMENT,
  NOBODY,
  OTHER_UID,
  PERMISSION_DENIED,
  REQUESTS,
  SHOP,
  UID,
  UNAVAILABLE,
  UNIMPLEMENTED,
  WEB,
} from '../support/workload-calls.ts'
import { WorkloadClient } from '../support/workload-client.ts'
import { needsTwoUsers, WorkloadProcess } from '../support/workload-process.ts'

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
  it('gets `no identity issued` from every method, and nothing more', async () => {
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
    assert.match(serving.metrics.expose(), /signet_denied_total\{reason="no_identity"\} 5/)
  })

  it('is distinguished from one with an identity by the uid that the kernel reports', {
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

  it('sends nothing if the message has not changed', async () => {
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

describe('the WIT profile', () => {
  for (const method of ['FetchWITSVID', 'FetchWITBundles']) {
    it(`is not supported: ${method} is UNIMPLEMENTED`, async () => {
      await using serving = await startServing({ identities: { web: WEB } })
      using client = new WorkloadClient(serving.socket)
      await assert.rejects(client.first(method), { code: UNIMPLEMENTED })
    })
  }
})
