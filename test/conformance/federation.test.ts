import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../src/foundation/clock.ts'
import { FakeIssuer } from '../fakes/fake-issuer.ts'
import { splitCertificates } from '../support/certificates.ts'
import { identityFor, Stack } from '../support/stack.ts'
import type { Message, WorkloadClient } from '../support/workload-client.ts'

const ASKED = { occasion: 'call', holders: 0, askedMs: 0 } as const

const UID = process.getuid?.() ?? 0
const OWN = 'spiffe://example.org'
const [FIRST, SECOND] = ['first.example', 'second.example'] as const
const INVALID_ARGUMENT = 3

describe('a trust domain that federates with two others', () => {
  let stack: Stack
  let client: WorkloadClient
  let first: FakeIssuer
  let second: FakeIssuer

  const bundleYaml = (issuer: FakeIssuer): string => `
kind: federation
version: v1
metadata: { name: ${issuer.trustDomain} }
spec: { trust_domain: ${issuer.trustDomain}, bundle: ${issuer.bundle().format()} }
---`

  before(async () => {
    first = await FakeIssuer.create(systemClock, FIRST)
    second = await FakeIssuer.create(systemClock, SECOND)
    stack = await Stack.start({ inProcess: true })
    await stack.apply(
      bundleYaml(first) +
        bundleYaml(second) +
        identityFor(UID, 'web', `  federates_with: [${FIRST}, ${SECOND}]`),
    )
    client = stack.client()
    using stream = client.stream('FetchX509Bundles')
    await stream.until(({ bundles }) => Object.keys(bundles).length === 3)
  })
  after(async () => {
    client?.[Symbol.dispose]()
    await stack?.[Symbol.asyncDispose]()
  })

  async function tokenOf(issuer: FakeIssuer, spiffeId: string): Promise<string> {
    const claim = {
      workloadIdentity: 'x',
      revision: '1',
      spiffeId,
      workloadAttributes: {},
      keyType: 'ec-p256',
      asked: ASKED,
    } as const
    return (await issuer.issueJwt(claim, ['a'])).token
  }

  const validate = (svid: string): Promise<Message> =>
    client.unary('ValidateJWTSVID', { audience: 'a', svid })

  it('FED-08, WLAPI-24, ENC-07: sends each foreign bundle under the ID of its trust domain, beside its own', async () => {
    const { svids, federatedBundles } = await client.first('FetchX509SVID')
    assert.deepEqual(Object.keys(federatedBundles).sort(), [`spiffe://${FIRST}`, `spiffe://${SECOND}`])
    for (const issuer of [first, second]) {
      assert.deepEqual(federatedBundles[`spiffe://${issuer.trustDomain}`], issuer.bundle().x509Der())
    }
    const { bundles } = await client.first('FetchX509Bundles')
    assert.deepEqual(bundles, { ...federatedBundles, [OWN]: svids[0].bundle })
    assert.equal(splitCertificates(svids[0].bundle).length, 1, 'bundles are not merged')
  })

  it('WLAPI-47, WLAPI-48: sends JWK Sets of the JWT keys alone', async () => {
    const { bundles } = await client.first('FetchJWTBundles')
    assert.deepEqual(Object.keys(bundles).sort(), [OWN, `spiffe://${FIRST}`, `spiffe://${SECOND}`])
    for (const jwks of Object.values<Buffer>(bundles)) {
      const { keys } = JSON.parse(jwks.toString())
      assert.equal(keys.length, 1)
      assert.ok(keys[0].kid)
      assert.ok(!('x5c' in keys[0]))
    }
  })

  it("WLAPI-50: validates a token of either trust domain with that trust domain's bundle", async () => {
    for (const issuer of [first, second]) {
      const id = `spiffe://${issuer.trustDomain}/db`
      assert.equal((await validate(await tokenOf(issuer, id))).spiffeId, id)
    }
  })

  it('FED-07, SVID-05, BNC-10: accepts keys of one trust domain for no other trust domain', async () => {
    for (const id of [`spiffe://${SECOND}/db`, `${OWN}/web`, 'spiffe://third.example/db']) {
      await assert.rejects(async () => validate(await tokenOf(first, id)), { code: INVALID_ARGUMENT }, id)
    }
  })

  it('BNC-08, BND-21: trusts nothing from a trust domain that publishes no key', async () => {
    const token = await tokenOf(second, `spiffe://${SECOND}/db`)
    using stream = client.stream('FetchX509Bundles')
    await stack.apply(bundleYaml(second).replace(/bundle: .*/, 'bundle: { keys: [] } }'))
    await stream.until(({ bundles }) => bundles[`spiffe://${SECOND}`] === undefined)
    await assert.rejects(validate(token), { code: INVALID_ARGUMENT })
    await validate(await tokenOf(first, `spiffe://${FIRST}/db`))
  })

  it('FED-14: stops federating with a deleted federation immediately, for open streams and for tokens', async () => {
    const token = await tokenOf(first, `spiffe://${FIRST}/db`)
    using x509 = client.stream('FetchX509SVID')
    using jwt = client.stream('FetchJWTBundles')
    await Promise.all([x509.next(), jwt.next()])
    await stack.admin('delete', 'federation', FIRST)
    assert.deepEqual((await x509.next()).federatedBundles, {})
    assert.deepEqual(Object.keys((await jwt.next()).bundles).sort(), [OWN, `spiffe://${SECOND}`])
    await assert.rejects(validate(token), { code: INVALID_ARGUMENT })
  })
})
