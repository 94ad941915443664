import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../src/foundation/clock.ts'
import { CodedError } from '../../src/foundation/errors.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'
import { FakeIssuer } from '../fakes/fake-issuer.ts'
import { splitCertificates } from '../support/certificates.ts'
import { type Serving, startServing } from '../support/serving.ts'
import { type Message, WorkloadClient } from '../support/workload-client.ts'

const UID = process.getuid?.() ?? 0
const WEB = { spiffe_id: '/web', allow: [{ match: { 'workload.unix.uid': UID } }] }
const SHOP = { ...WEB, spiffe_id: '/shop' }
const MAIL = { ...WEB, spiffe_id: '/mail' }

const UNAVAILABLE = 14
const PERMISSION_DENIED = 7
/** What grpc-go, grpc-java, C-core and tonic receive at most. */
const CLIENT_LIMIT = 4 * 1024 * 1024

class Refused extends CodedError {
  override readonly name = 'Refused'
  readonly code = 'ERR_TEST_REFUSED'
  readonly kind = 'permission_denied'
}

const names = ({ svids }: Message): string[] =>
  svids.map(({ spiffeId }: Message) => spiffeId.replace('spiffe://example.org/', ''))
const hints = ({ svids }: Message): string[] => svids.map(({ hint }: Message) => hint)
const told = ({ events }: Serving, event: string) => events.filter((each) => each['event'] === event)

function failFor(failures: Readonly<Record<string, () => Error>>) {
  return ({ issuer }: Pick<Serving, 'issuer'>): void => {
    issuer.fails = ({ workloadIdentity }) => failures[workloadIdentity]?.()
  }
}

const many = (count: number, more: object = {}) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => {
      const name = `n${String(index).padStart(4, '0')}`
      return [name, { ...WEB, spiffe_id: `/${name}`, ...more }]
    }),
  )

describe('a caller with several identities', () => {
  it('gets them by priority, then by name, whatever the order in which the agent learned of them', async () => {
    const some = { web: { ...WEB, priority: 200 }, shop: SHOP, mail: { ...MAIL, priority: 1 }, all: MAIL }
    const reversed = Object.fromEntries(Object.entries(some).reverse())
    for (const identities of [some, reversed]) {
      await using serving = await startServing({ identities })
      using client = new WorkloadClient(serving.socket)
      const wanted = ['mail', 'mail', 'shop', 'web']
      assert.deepEqual(names(await client.first('FetchX509SVID')), wanted)
      assert.deepEqual(names(await client.unary('FetchJWTSVID', { audience: ['a'] })), wanted)
    }
  })

  it('gets a new order when a priority changes', async () => {
    await using serving = await startServing({ identities: { web: WEB, shop: SHOP } })
    using client = new WorkloadClient(serving.socket)
    using stream = client.stream('FetchX509SVID')
    assert.deepEqual(names(await stream.next()), ['shop', 'web'])
    serving.learn({}, { web: { ...WEB, priority: 1, revision: '2' }, shop: SHOP })
    assert.deepEqual(names(await stream.next()), ['web', 'shop'])
  })

  it('gets each hint once, with the first in order, and the others are logged', async () => {
    const identities = {
      web: { ...WEB, hint: 'internal', priority: 1 },
      shop: { ...SHOP, hint: 'internal' },
      mail: { ...MAIL, hint: 'internal', priority: 500 },
    }
    await using serving = await startServing({ identities })
    using client = new WorkloadClient(serving.socket)
    assert.deepEqual(hints(await client.first('FetchX509SVID')), ['internal', '', ''])
    assert.deepEqual(hints(await client.unary('FetchJWTSVID', { audience: ['a'] })), ['internal', '', ''])
    assert.deepEqual(
      told(serving, 'hint.duplicate').map(({ workloadIdentity, holder }) => [workloadIdentity, holder]),
      [
        ['shop', 'web'],
        ['mail', 'web'],
      ],
    )
    for (let times = 0; times < 5; times += 1) serving.learn()
    await client.first('FetchX509SVID')
    assert.equal(told(serving, 'hint.duplicate').length, 2)
  })

  it('gets no more than the limit, the first in order, and the rest is logged', async () => {
    const identities = { ...many(3), last: { ...WEB, priority: 0 } }
    await using serving = await startServing({ identities, maxIdentitiesPerCaller: 2 })
    using client = new WorkloadClient(serving.socket)
    assert.deepEqual(names(await client.first('FetchX509SVID')), ['web', 'n0000'])
    const [event, ...more] = told(serving, 'identities.too_many')
    assert.deepEqual([event?.['granted'], event?.['limit'], more], [4, 2, []])
    assert.match(serving.metrics.expose(), /signet_left_out_total\{reason="identity_limit"\} 2/)
  })

  it('gets two of three if the authority refuses one, and the third once it does not', async () => {
    await using serving = await startServing({
      identities: { web: WEB, shop: SHOP, mail: MAIL },
      prepare: (issuer) => failFor({ shop: () => new Refused('no') })({ issuer }),
    })
    using client = new WorkloadClient(serving.socket)
    using stream = client.stream('FetchX509SVID')
    assert.deepEqual(names(await stream.next()), ['mail', 'web'])
    assert.deepEqual(names(await client.unary('FetchJWTSVID', { audience: ['a'] })), ['mail', 'web'])
    const [left] = told(serving, 'jwt_svid.left_out')
    assert.equal(left?.['workloadIdentity'], 'shop')
    serving.issuer.fails = () => undefined
    assert.deepEqual(names(await stream.until(({ svids }) => svids.length === 3)), ['mail', 'shop', 'web'])
  })

  it('does not wait for one that the authority is silent about, and gets it when it comes', async () => {
    const silence = Promise.withResolvers<void>()
    await using serving = await startServing({
      identities: { web: WEB, shop: SHOP, mail: MAIL },
      prepare: (issuer) => {
        issuer.before = ({ workloadIdentity }) =>
          workloadIdentity === 'shop' ? silence.promise : Promise.resolve()
      },
    })
    using client = new WorkloadClient(serving.socket)
    using stream = client.stream('FetchX509SVID')
    const [x509, jwt] = await Promise.all([stream.next(), client.unary('FetchJWTSVID', { audience: ['a'] })])
    assert.deepEqual(
      [names(x509), names(jwt)],
      [
        ['mail', 'web'],
        ['mail', 'web'],
      ],
    )
    assert.match(String(told(serving, 'jwt_svid.left_out')[0]?.['reason']), /has not answered in time/)
    silence.resolve()
    assert.deepEqual(names(await stream.next()), ['mail', 'shop', 'web'])
    assert.deepEqual(names(await client.unary('FetchJWTSVID', { audience: ['a'] })), ['mail', 'shop', 'web'])
  })

  for (const [what, failures, code] of [
    ['UNAVAILABLE when one may yet come', { web: new TypeError('x'), shop: new Refused('no') }, UNAVAILABLE],
    [
      'PERMISSION_DENIED when all are refused',
      { web: new Refused('no'), shop: new Refused('no') },
      PERMISSION_DENIED,
    ],
  ] as const) {
    it(`gets none of them: ${what}`, async () => {
      await using serving = await startServing({
        identities: { web: WEB, shop: SHOP },
        prepare: (issuer) => failFor({ web: () => failures.web, shop: () => failures.shop })({ issuer }),
      })
      using client = new WorkloadClient(serving.socket)
      await assert.rejects(client.first('FetchX509SVID'), { code })
      await assert.rejects(client.unary('FetchJWTSVID', { audience: ['a'] }), { code })
    })
  }
})

describe('a response', () => {
  it('with 100 X.509-SVIDs and a long bundle stays below what clients receive, the first in order kept', async () => {
    await using serving = await startServing({
      identities: many(100),
      prepare: (issuer) => issuer.retainAuthorities(100),
    })
    using client = new WorkloadClient(serving.socket, { 'grpc.max_receive_message_length': CLIENT_LIMIT })
    const message = await client.first('FetchX509SVID')
    const { svids } = message
    assert.ok(svids.length > 50 && svids.length < 100, `${svids.length} SVIDs`)
    assert.deepEqual(names(message), Object.keys(many(svids.length)))
    assert.equal(splitCertificates(svids.at(-1).bundle).length, 101)
    const [event] = told(serving, 'response.too_large')
    assert.deepEqual([event?.['kind'], event?.['leftOut']], ['x509_svid', 100 - svids.length])
  })

  it('with long bundles of 128 foreign trust domains stays below it, and keeps the SVIDs', async () => {
    const names = Array.from({ length: 128 }, (_, index) => `p${String(index).padStart(3, '0')}.example`)
    const identities = {
      first: { ...WEB, federates_with: names.slice(64), priority: 1 },
      second: { ...SHOP, federates_with: names.slice(0, 64) },
    }
    await using serving = await startServing({ identities })
    const elsewhere = await FakeIssuer.create(systemClock, 'elsewhere.example')
    await elsewhere.retainAuthorities(100)
    const { x509Authorities } = elsewhere.bundle()
    const foreign = names.map((trustDomain) =>
      Bundle.of({ trustDomain, x509Authorities, jwtAuthorities: [] }),
    )
    const federatedBundles = new Map(foreign.map((bundle) => [bundle.trustDomain, bundle]))
    serving.learn({ federatedBundles })
    using client = new WorkloadClient(serving.socket, { 'grpc.max_receive_message_length': CLIENT_LIMIT })
    const message = await client.first('FetchX509SVID')
    assert.equal(message.svids.length, 2)
    for (const { bundles } of [
      { bundles: message.federatedBundles },
      await client.first('FetchX509Bundles'),
    ]) {
      const sent = Object.keys(bundles).filter((id) => id !== 'spiffe://example.org')
      assert.ok(sent.length > 64 && sent.length < 128, `${sent.length} bundles`)
      const kept = [...names.slice(64), ...names.slice(0, sent.length - 64)]
      assert.deepEqual(new Set(sent), new Set(kept.map((name) => `spiffe://${name}`)))
    }
    assert.ok(told(serving, 'bundles.too_large').length > 0)
  })

  it('with 1 000 JWT-SVIDs of the longest audiences stays below it, too', async () => {
    await using serving = await startServing({ identities: many(1_000), maxIdentitiesPerCaller: 1_000 })
    using client = new WorkloadClient(serving.socket, { 'grpc.max_receive_message_length': CLIENT_LIMIT })
    const audience = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(1_024))
    const message = await client.unary('FetchJWTSVID', { audience })
    assert.ok(message.svids.length > 500 && message.svids.length < 1_000, `${message.svids.length} tokens`)
    assert.deepEqual(names(message), Object.keys(many(message.svids.length)))
    assert.equal(told(serving, 'response.too_large')[0]?.['kind'], 'jwt_svid')
  })

  it('is not sent again when another revision of an identity leads to the same bundles', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    using x509 = client.stream('FetchX509Bundles')
    using jwt = client.stream('FetchJWTBundles')
    await Promise.all([x509.next(), jwt.next()])
    for (let revision = 2; revision < 6; revision += 1) {
      serving.learn({}, { web: { ...WEB, revision: String(revision) } })
      await client.unary('FetchJWTSVID', { audience: ['a'] }) // the streams had their turn
    }
    await serving.issuer.rotate()
    serving.learn()
    const { bundles } = await x509.next()
    assert.equal(splitCertificates(bundles['spiffe://example.org']).length, 2)
    assert.equal(JSON.parse((await jwt.next()).bundles['spiffe://example.org'].toString()).keys.length, 2)
  })

  it('never contains an SVID that its own bundle does not verify', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new WorkloadClient(serving.socket)
    using stream = client.stream('FetchX509SVID')
    const [first] = (await stream.next()).svids
    await serving.issuer.rotate()
    serving.issuer.forgetRetired()
    serving.learn()
    const [second] = (await stream.next()).svids
    assert.notDeepEqual(second.x509Svid, first.x509Svid)
    const [leaf] = splitCertificates(second.x509Svid)
    const [root, ...others] = splitCertificates(second.bundle)
    assert.deepEqual(others, [])
    assert.ok(root && leaf?.verify(root.publicKey))
    assert.equal(told(serving, 'svid.unusable').length, 1)
  })
})
