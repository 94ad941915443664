import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JwtConfig } from '../../src/authority/keys/jwt-algorithms.ts'
import { parseJws } from '../../src/crypto/jws.ts'
import { SIGNING_KEYS, type SigningAlgorithm } from '../../src/crypto/jws-algorithm.ts'
import { createLogger } from '../../src/foundation/logger.ts'
import { JwtSvidValidator } from '../../src/spiffe/jwt-svid.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import {
  type AuthorityState,
  DAY_MS,
  HOUR_MS,
  lastEvent,
  openState,
  pass,
  temporaryDirectory,
} from '../support/authority-state.ts'

const STS = 'sts.amazonaws.com'
const PLAIN: JwtConfig = { algorithm: 'ES256', by_audience: {} }
const WITH_RSA: JwtConfig = { algorithm: 'ES256', by_audience: { [STS]: 'RS256' } }

/** A data directory that is opened repeatedly with different configurations. */
async function fixture() {
  const place = await temporaryDirectory()
  const clock = new FakeClock()
  const lines: string[] = []
  const logger = createLogger({ destination: { write: (line) => void lines.push(line) } })
  const open = (jwt: JwtConfig) => openState({ dataDir: place.path, clock, jwt, logger })
  return { clock, lines, open, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() }
}

const jwtKeys = (state: AuthorityState) =>
  state.keys
    .list()
    .filter(({ purpose }) => purpose === 'jwt')
    .map(({ algorithm, state }) => `${algorithm} ${state}`)
    .sort()

/** Which algorithm would sign a token if `wanted` is requested; the token is checked to verify. */
function signs(state: AuthorityState, wanted: SigningAlgorithm, clock: FakeClock): SigningAlgorithm {
  const { jwtSigners, bundle, activeJwtKeyIds } = state.keys.current()
  const signer = jwtSigners.get(wanted)
  assert.ok(signer, `nothing signs instead of ${wanted}`)
  const nowSeconds = Math.floor(clock.now().getTime() / 1000)
  const token = signer.sign({ sub: 'spiffe://example.org/web', aud: ['a'], exp: nowSeconds + 60 })
  new JwtSvidValidator().validate(token, { audience: 'a', nowSeconds, bundleFor: () => bundle })
  assert.ok(activeJwtKeyIds.includes(signer.kid))
  return parseJws(token).header['alg'] as SigningAlgorithm
}

describe('JWT keys of several algorithms', () => {
  it('all sign from the first start on, with one key each, and the bundle has the keys with their types', async () => {
    await using fixed = await fixture()
    await using state = await fixed.open(WITH_RSA)
    assert.deepEqual(jwtKeys(state), ['ES256 active', 'RS256 active'])
    for (const algorithm of ['ES256', 'RS256'] as const)
      assert.equal(signs(state, algorithm, fixed.clock), algorithm)
    const jwks = JSON.parse(state.keys.current().bundle.formatJwks().toString()) as {
      keys: { kid: string; kty: string }[]
    }
    const { jwtSigners } = state.keys.current()
    assert.deepEqual(
      new Map(jwks.keys.map(({ kid, kty }) => [kid, kty])),
      new Map([
        [jwtSigners.get('ES256')?.kid ?? '', 'EC'],
        [jwtSigners.get('RS256')?.kid ?? '', 'RSA'],
      ]),
    )
  })

  it('are the same after a restart', async () => {
    await using fixed = await fixture()
    const kids = async () => {
      await using state = await fixed.open(WITH_RSA)
      return state.keys.current().activeJwtKeyIds
    }
    assert.deepEqual(await kids(), await kids())
  })

  it('are published first when an algorithm is added to the configuration; until then the others sign', async () => {
    await using fixed = await fixture()
    await (await fixed.open(PLAIN))[Symbol.asyncDispose]()
    await using state = await fixed.open(WITH_RSA)
    assert.deepEqual(jwtKeys(state), ['ES256 active', 'RS256 prepared'])
    assert.equal(state.keys.current().bundle.jwtAuthorities.size, 2)
    assert.equal(signs(state, 'RS256', fixed.clock), 'ES256')
    const told = fixed.lines.find((line) => line.includes('"event":"ca.algorithm_published"'))
    assert.match(told ?? '', /"algorithm":"RS256".*"run":"signet ca rotate jwt --algorithm RS256 --now"/)
    await pass(state, fixed.clock, DAY_MS - HOUR_MS, HOUR_MS)
    assert.equal(signs(state, 'RS256', fixed.clock), 'ES256')
    await pass(state, fixed.clock, HOUR_MS, HOUR_MS)
    assert.equal(signs(state, 'RS256', fixed.clock), 'RS256')
    assert.deepEqual(jwtKeys(state), ['ES256 active', 'RS256 active'])
    assert.equal((await lastEvent(state, 'ca.activated'))?.detail['algorithm'], 'RS256')
  })

  it('sign immediately when an administrator says so', async () => {
    await using fixed = await fixture()
    await (await fixed.open(PLAIN))[Symbol.asyncDispose]()
    await using state = await fixed.open(WITH_RSA)
    await state.keys.rotate('jwt', false, 'uid:0', 'RS256')
    assert.deepEqual(jwtKeys(state), ['ES256 active', 'RS256 prepared'])
    await state.keys.rotate('jwt', true, 'uid:0', 'RS256')
    assert.equal(signs(state, 'RS256', fixed.clock), 'RS256')
    assert.deepEqual(jwtKeys(state), ['ES256 active', 'RS256 active'])
  })

  for (const [from, to] of [
    ['ES256', 'ES384'],
    ['ES256', 'RS256'],
    ['RS256', 'ES256'],
  ] as const) {
    it(`change from ${from} to ${to}: the old one signs until the new one does, and is published until it expires`, async () => {
      await using fixed = await fixture()
      await (await fixed.open({ ...PLAIN, algorithm: from }))[Symbol.asyncDispose]()
      await using state = await fixed.open({ ...PLAIN, algorithm: to })
      const old = state.keys.current().jwt.kid
      assert.equal(signs(state, to, fixed.clock), from)
      await pass(state, fixed.clock, DAY_MS, HOUR_MS)
      assert.equal(signs(state, to, fixed.clock), to)
      assert.deepEqual(jwtKeys(state), [`${from} retired`, `${to} active`].sort())
      assert.ok(state.keys.current().bundle.jwtAuthorities.has(old))
      await pass(state, fixed.clock, 29 * DAY_MS, DAY_MS)
      assert.ok(!state.keys.current().bundle.jwtAuthorities.has(old))
    })
  }

  it('retire immediately when their algorithm is removed from the configuration, and stay published', async () => {
    await using fixed = await fixture()
    await (await fixed.open(WITH_RSA))[Symbol.asyncDispose]()
    await using state = await fixed.open(PLAIN)
    assert.deepEqual(jwtKeys(state), ['ES256 active', 'RS256 retired'])
    assert.equal(state.keys.current().bundle.jwtAuthorities.size, 2)
    assert.equal((await lastEvent(state, 'ca.retired'))?.detail['algorithm'], 'RS256')
  })

  it('are new when the algorithm is added again: the retired key does not sign any more', async () => {
    await using fixed = await fixture()
    await (await fixed.open(WITH_RSA))[Symbol.asyncDispose]()
    await (await fixed.open(PLAIN))[Symbol.asyncDispose]()
    await using state = await fixed.open(WITH_RSA)
    assert.deepEqual(jwtKeys(state), ['ES256 active', 'RS256 prepared', 'RS256 retired'])
    assert.equal(signs(state, 'RS256', fixed.clock), 'ES256')
  })

  it('rotate independently over months, and each is published before it signs', async () => {
    await using fixed = await fixture()
    const config: JwtConfig = { algorithm: 'ES384', by_audience: { a: 'RS256', b: 'ES256' } }
    await using state = await fixed.open(config)
    let known = state.keys.current().bundle.jwtAuthorities
    const signers = new Map<SigningAlgorithm, Set<string>>()
    for (let day = 0; day < 125; day += 1) {
      await pass(state, fixed.clock, DAY_MS, DAY_MS)
      const { jwtSigners, bundle } = state.keys.current()
      for (const [algorithm, { kid, alg, notAfter }] of jwtSigners) {
        assert.equal(alg, algorithm)
        assert.ok(known.has(kid), 'it was not published before')
        assert.ok(notAfter * 1000 > fixed.clock.now().getTime())
        signers.set(algorithm, (signers.get(algorithm) ?? new Set()).add(kid))
      }
      known = bundle.jwtAuthorities
    }
    assert.deepEqual(
      Array.from(signers.values(), ({ size }) => size >= 4),
      [true, true, true],
    )
    assert.ok(state.keys.list().length < 16)
  })

  for (const pauseDays of [1, 16, 29, 40, 400]) {
    it(`are in order after a pause of ${pauseDays} days with a change of configuration`, async () => {
      await using fixed = await fixture()
      await (await fixed.open(WITH_RSA))[Symbol.asyncDispose]()
      fixed.clock.advance(pauseDays * DAY_MS)
      await using state = await fixed.open({ algorithm: 'ES384', by_audience: { [STS]: 'RS256' } })
      for (const algorithm of ['ES384', 'RS256'] as const) signs(state, algorithm, fixed.clock)
      await pass(state, fixed.clock, 2 * DAY_MS, HOUR_MS)
      for (const algorithm of ['ES384', 'RS256'] as const)
        assert.equal(signs(state, algorithm, fixed.clock), algorithm)
    })
  }

  it('are stored sealed, with the key type of their algorithm', async () => {
    await using fixed = await fixture()
    await (await fixed.open(WITH_RSA))[Symbol.asyncDispose]()
    await using state = await fixed.open(WITH_RSA)
    const { jwtAuthorities } = state.keys.current().bundle
    const types = Array.from(jwtAuthorities.values(), (key) => key.asymmetricKeyType)
    assert.deepEqual(types.sort(), ['ec', 'rsa'])
    assert.equal(SIGNING_KEYS.RS256, 'rsa-2048')
  })
})

describe('SigningKeys.rotate of JWT keys', () => {
  it('rotates the named algorithm, or all that sign', async () => {
    await using fixed = await fixture()
    await using state = await fixed.open(WITH_RSA)
    await state.keys.rotate('jwt', true, 'uid:0', 'RS256')
    assert.deepEqual(jwtKeys(state), ['ES256 active', 'RS256 active', 'RS256 retired'])
    await state.keys.rotate('jwt', true, 'uid:0')
    assert.deepEqual(jwtKeys(state), [
      'ES256 active',
      'ES256 retired',
      'RS256 active',
      'RS256 retired',
      'RS256 retired',
    ])
  })

  for (const [purpose, algorithm] of [
    ['jwt', 'ES384'],
    ['jwt', 'none'],
    ['spiffe_x509', 'ES256'],
  ] as const) {
    it(`refuses ${purpose} with ${algorithm}, which is not in use`, async () => {
      await using fixed = await fixture()
      await using state = await fixed.open(WITH_RSA)
      await assert.rejects(state.keys.rotate(purpose, true, 'uid:0', algorithm), { code: 'ERR_CA_UNKNOWN' })
    })
  }

  it('shows the remaining life of each in ca_expiry_seconds, but not of one that is only published', async () => {
    await using fixed = await fixture()
    await (await fixed.open(PLAIN))[Symbol.asyncDispose]()
    await using state = await fixed.open(WITH_RSA)
    const shown = async () =>
      state.metrics
        .expose()
        .split('\n')
        .filter((line) => /^signet_ca_expiry_seconds\{.*purpose="jwt"/.test(line))
    assert.deepEqual(await shown(), ['signet_ca_expiry_seconds{algorithm="ES256",purpose="jwt"} 2592000'])
    await state.keys.rotate('jwt', true, 'uid:0', 'RS256')
    assert.deepEqual(await shown(), [
      'signet_ca_expiry_seconds{algorithm="ES256",purpose="jwt"} 2592000',
      'signet_ca_expiry_seconds{algorithm="RS256",purpose="jwt"} 2592000',
    ])
  })
})
