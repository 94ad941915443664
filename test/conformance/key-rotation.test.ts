import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { lifetimeOf } from '../../src/authority/issuance/life-limits.ts'
import { generateKeyPair, type KeyPair } from '../../src/crypto/keys.ts'
import { randomSerial } from '../../src/crypto/signing-ca.ts'
import { JwtSvidValidator } from '../../src/spiffe/jwt-svid.ts'
import { validateX509Svid } from '../../src/spiffe/x509-svid.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { FakeRandom } from '../fakes/fake-random.ts'
import { type AuthorityState, openState, pass, temporaryDirectory } from '../support/authority-state.ts'
import { splitCertificates } from '../support/certificates.ts'
import { identityFor, Stack } from '../support/stack.ts'
import type { Message, WorkloadClient } from '../support/workload-client.ts'

const UID = process.getuid?.() ?? 0
const ID = 'spiffe://example.org/web'
const HOUR_S = 3600

/** What one key signed, and when the key was seen where. */
interface Seen {
  firstPublished?: number
  firstSigned?: number
  lastPublished?: number
  /** When the last credential that it signed expires. */
  lastExpiry?: number
  /** When the key itself expires. */
  end?: number
}

/** A signed credential, and how to validate it. */
interface Signed {
  readonly notAfter: number
  readonly validate: () => void
}

/** Lets several lives of the keys pass, and signs something in each step. */
async function live(state: AuthorityState, clock: FakeClock, key: KeyPair, steps: number, stepS: number) {
  const seen = new Map<string, Seen>()
  const of = (id: string): Seen => seen.get(id) ?? (seen.set(id, {}).get(id) as Seen)
  const open: Signed[] = []
  const validator = new JwtSvidValidator()
  const random = new FakeRandom('rotation')
  const hints: number[] = []
  for (let step = 0; step < steps; step++) {
    const { signer, jwt, bundle, activeX509KeyId, activeJwtKeyId } = state.keys.current()
    const x509 = signer('spiffe_x509')
    const now = Math.floor(clock.now().getTime() / 1000)
    hints.push(bundle.refreshHintSeconds ?? 0)
    const shownKeys = state.keys
      .list()
      .filter(({ purpose, state }) => (purpose === 'spiffe_x509' || purpose === 'jwt') && state !== 'ended')
    for (const { keyId, notAfterMs } of shownKeys) {
      const shown = of(keyId)
      shown.firstPublished ??= now
      shown.lastPublished = now
      shown.end = notAfterMs / 1000
    }
    assert.equal(bundle.x509Authorities.length + bundle.jwtAuthorities.size, shownKeys.length)

    const asked = { nowMs: now * 1000, ttlSeconds: 90 * 24 * HOUR_S, roleMaxTtlSeconds: undefined }
    const x509Life = lifetimeOf('x509', { ...asked, signerNotAfter: x509.notAfter })
    const jwtLife = lifetimeOf('jwt', { ...asked, signerNotAfter: jwt.notAfter })
    for (const [id, { notAfter }] of [
      [activeX509KeyId, x509Life],
      [activeJwtKeyId, jwtLife],
    ] as const) {
      const signer = of(id)
      signer.firstSigned ??= now
      signer.lastExpiry = Math.max(signer.lastExpiry ?? 0, notAfter)
    }
    assert.ok(x509Life.notAfter <= x509.notAfter && jwtLife.notAfter <= jwt.notAfter)
    const serial = randomSerial(random)
    const leaf = x509.signLeaf({
      ...x509Life,
      serial,
      publicKeyDer: key.publicKeyDer,
      uriSan: ID,
      extKeyUsages: [],
    })
    const token = jwt.sign({ sub: ID, aud: ['a'], exp: jwtLife.notAfter })
    const at = () => Math.floor(clock.now().getTime() / 1000)
    const current = () => state.keys.current().bundle
    open.push(
      { notAfter: x509Life.notAfter, validate: () => validateX509Svid([leaf], current(), at()) },
      {
        notAfter: jwtLife.notAfter,
        validate: () => validator.validate(token, { audience: 'a', nowSeconds: at(), bundleFor: current }),
      },
    )
    for (const signed of open.filter(({ notAfter }) => notAfter > now)) signed.validate()

    await pass(state, clock, stepS * 1000)
  }
  return { seen, longestHint: Math.max(...hints) }
}

for (const [what, lifetimes, stepS] of [
  ['a month', { spiffe_ca: 30 * 24 * HOUR_S, jwt_key: 30 * 24 * HOUR_S }, 24 * HOUR_S],
  ['half an hour', { spiffe_ca: 1800, jwt_key: 1800 }, 60],
  ['different lengths', { spiffe_ca: 36 * HOUR_S, jwt_key: 24 * HOUR_S }, HOUR_S],
] as const) {
  describe(`signing keys with a life of ${what}`, () => {
    let seen: ReadonlyMap<string, Seen>
    let longestHint: number
    let end: number

    before(async () => {
      await using place = await temporaryDirectory()
      const clock = new FakeClock()
      await using state = await openState({ dataDir: place.path, clock, lifetimes })
      const steps = 100
      ;({ seen, longestHint } = await live(state, clock, await generateKeyPair(), steps, stepS))
      end = Math.floor(clock.now().getTime() / 1000)
    })

    it('X5C-15, T-54: are published for at least three refresh hints before they sign', () => {
      const successors = [...seen.values()].filter(({ firstSigned }) => firstSigned !== undefined).slice(2)
      assert.ok(successors.length >= 4)
      for (const { firstPublished = 0, firstSigned = 0 } of successors) {
        assert.ok(firstSigned - firstPublished >= 3 * longestHint, `${firstSigned - firstPublished} s`)
      }
    })

    it('X5C-16, X5I-13, JWTI-11: stay published until the last credential that they signed has expired, and no longer than they live', () => {
      const gone = [...seen.values()].filter(({ lastPublished = 0 }) => lastPublished < end - 2 * stepS)
      assert.ok(gone.length >= 4)
      for (const { lastPublished = 0, lastExpiry = 0, end: ownEnd = 0 } of gone) {
        assert.ok(lastPublished >= lastExpiry - stepS)
        assert.ok(lastPublished <= ownEnd)
      }
    })
  })
}

describe('a rotation as a workload sees it', () => {
  let stack: Stack
  let client: WorkloadClient

  before(async () => {
    stack = await Stack.start({ inProcess: true })
    await stack.apply(identityFor(UID))
    client = stack.client()
    await client.first('FetchX509SVID')
  })
  after(async () => {
    client?.[Symbol.dispose]()
    await stack?.[Symbol.asyncDispose]()
  })

  const jwks = ({ bundles }: Message): Message => JSON.parse(bundles['spiffe://example.org'].toString())

  it('X5C-15, X5C-16, WLAPI-06: a new CA is pushed before it signs, and the old one stays', async () => {
    using svids = client.stream('FetchX509SVID')
    using bundles = client.stream('FetchX509Bundles')
    const first = (await svids.next()).svids[0]
    const [oldCa] = splitCertificates(first.bundle)
    assert.equal(splitCertificates((await bundles.next()).bundles['spiffe://example.org']).length, 1)

    await stack.admin('ca', 'rotate', 'spiffe_x509')
    const prepared = (await svids.next()).svids[0]
    const known = splitCertificates(prepared.bundle)
    assert.equal(known.length, 2)
    assert.ok(splitCertificates(prepared.x509Svid)[0]?.verify((oldCa as NonNullable<typeof oldCa>).publicKey))
    const pushed = (await bundles.next()).bundles['spiffe://example.org']
    assert.deepEqual(pushed, prepared.bundle)

    await stack.admin('ca', 'rotate', 'spiffe_x509', '--now')
    const isOfOld = ({ svids: [svid] }: Message): boolean =>
      splitCertificates(svid.x509Svid)[0]?.verify((oldCa as NonNullable<typeof oldCa>).publicKey) ?? false
    const rotated = (await svids.until((message) => !isOfOld(message))).svids[0]
    const [leaf] = splitCertificates(rotated.x509Svid)
    const after = splitCertificates(rotated.bundle)
    assert.ok(after.some((ca) => leaf?.verify(ca.publicKey)))
    // Peers may still present what the old CA signed.
    const [old] = splitCertificates(first.x509Svid)
    assert.ok(after.some((ca) => old?.verify(ca.publicKey)))
  })

  it('X5C-15, X5C-16, JWTI-04: a new JWT key is pushed before it signs, and the old one stays', async () => {
    const fetch = async (audience: string): Promise<string> =>
      (await client.unary('FetchJWTSVID', { audience: [audience] })).svids[0].svid
    using bundles = client.stream('FetchJWTBundles')
    const [{ kid: oldKid }] = jwks(await bundles.next()).keys
    const old = await fetch('a')
    assert.equal(decodeProtectedHeader(old).kid, oldKid)

    await stack.admin('ca', 'rotate', 'jwt')
    const prepared = jwks(await bundles.next())
    assert.equal(prepared.keys.length, 2)
    assert.equal(decodeProtectedHeader(await fetch('b')).kid, oldKid)

    await stack.admin('ca', 'rotate', 'jwt', '--now')
    const newKid = prepared.keys.find(({ kid }: Message) => kid !== oldKid).kid
    await bundles.until((message) => jwks(message).keys[0].kid === newKid)
    const fresh = await fetch('c') // for known audiences the old token is returned until the next is there
    assert.equal(decodeProtectedHeader(fresh).kid, newKid)
    const both = createLocalJWKSet(jwks(await client.first('FetchJWTBundles')))
    for (const [audience, svid] of [
      ['a', old],
      ['c', fresh],
    ] as const) {
      await jwtVerify(svid, both, { audience, subject: ID })
      assert.equal((await client.unary('ValidateJWTSVID', { audience, svid })).spiffeId, ID)
    }
  })
})
