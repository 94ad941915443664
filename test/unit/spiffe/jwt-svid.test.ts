import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { Bundle } from '../../../src/spiffe/bundle.ts'
import { checkJwtSvidTime, JwtSvidValidator, parseJwtSvid } from '../../../src/spiffe/jwt-svid.ts'
import { NOW } from '../../support/crypto-fixtures.ts'
import { createTestTrustDomain } from '../../support/svid-fixtures.ts'

let own: Awaited<ReturnType<typeof createTestTrustDomain>>
let foreign: typeof own

before(async () => {
  own = await createTestTrustDomain()
  foreign = await createTestTrustDomain('partner.example')
})

// test/conformance covers what it accepts and refuses, clause by clause.
describe('JwtSvidValidator', () => {
  const validate = (token: string, change: object, validator: JwtSvidValidator) =>
    validator.validate(token, { audience: 'db', nowSeconds: NOW, bundleFor: () => own.bundle, ...change })

  it('checks everything but the signature again when it knows a token', () => {
    const validator = new JwtSvidValidator()
    const token = own.signer.sign(own.claims)
    const first = validate(token, {}, validator)
    assert.deepEqual(validate(token, {}, validator), first)
    assert.ok(Object.isFrozen(first.claims))
    const stillRefused = (change: object, reason: string): void => {
      assert.throws(() => validate(token, change, validator), { reason })
    }
    stillRefused({ nowSeconds: NOW + 360 }, 'expired')
    stillRefused({ nowSeconds: NOW - 121 }, 'not_yet_valid')
    stillRefused({ nowSeconds: Number.NaN }, 'expired')
    stillRefused({ audience: 'other' }, 'audience')
    stillRefused({ bundleFor: () => undefined }, 'no_bundle')
    stillRefused({ bundleFor: () => foreign.bundle }, 'no_bundle')
    const withKey = (publicKeyDer?: Buffer): Bundle =>
      Bundle.of({
        trustDomain: 'example.org',
        x509Authorities: [],
        jwtAuthorities: publicKeyDer === undefined ? [] : [{ kid: 'k1', publicKeyDer }],
      })
    stillRefused({ bundleFor: () => withKey() }, 'unknown_key')
    stillRefused({ bundleFor: () => withKey(foreign.jwtKey.publicKeyDer) }, 'signature')
    validate(token, { bundleFor: () => withKey(own.jwtKey.publicKeyDer) }, validator)
    const [header, claims] = token.split('.')
    assert.throws(() => validate(`${header}.${claims}.AAAA`, {}, validator), { reason: 'signature' })
  })

  it('drops the oldest when it is full, and works without a cache', () => {
    for (const cacheBytes of [0, 5_000, 10_000]) {
      const validator = new JwtSvidValidator({ cacheBytes })
      const tokens = [1, 2, 3].map((n) => own.signer.sign({ ...own.claims, n }))
      for (const token of [...tokens, ...tokens]) validate(token, {}, validator)
    }
  })
})

describe('JwtSvidValidator for several users', () => {
  it('keeps the tokens of one user, however many another has verified', () => {
    const validator = new JwtSvidValidator({ cacheBytes: 50_000 })
    const validate = (token: string, user: number): object =>
      validator.validate(token, { audience: 'db', nowSeconds: NOW, bundleFor: () => own.bundle, user }).claims
    const token = own.signer.sign(own.claims)
    const first = validate(token, 1)
    const flood = Array.from({ length: 40 }, (_, n) => own.signer.sign({ ...own.claims, n }))
    const [oldest] = flood.map((each) => validate(each, 2))
    assert.equal(validate(token, 1), first) // the same object: it was cached
    assert.notEqual(validate(flood[0] ?? '', 2), oldest)
  })
})

describe('parseJwtSvid', () => {
  it('reads a token without verifying anything', () => {
    const token = own.signer.sign({ ...own.claims, exp: 1 })
    assert.deepEqual(parseJwtSvid(`${token.slice(0, -8)}AAAAAAAA`).claims, { ...own.claims, exp: 1 })
  })
})

describe('checkJwtSvidTime', () => {
  it('checks the times of a token whose signature was not checked', () => {
    const token = own.signer.sign(own.claims)
    checkJwtSvidTime(token, NOW)
    assert.throws(() => checkJwtSvidTime(token, NOW + 360), { reason: 'expired' })
    assert.throws(() => checkJwtSvidTime('no.token', NOW), { code: 'ERR_SPIFFE_JWT_SVID_INVALID' })
  })
})
