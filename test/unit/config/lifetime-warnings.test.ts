import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAuthorityConfig } from '../../../src/config/authority-config.ts'
import { lifetimeWarnings } from '../../../src/config/lifetime-warnings.ts'

const warningsOf = (lifetimes: string): string[] =>
  lifetimeWarnings(
    parseAuthorityConfig(`version: 1\ntrust_domain: example.org\nlifetimes: { ${lifetimes} }\n`, 'a.yaml'),
  )

describe('lifetimes in authority.yaml', () => {
  it('that are possible cause no warning', () => {
    assert.deepEqual(warningsOf(''), [])
    assert.deepEqual(warningsOf('jwt_key: 15m, default_jwt_svid: 5m'), [])
  })

  it('that no key allows are named, with the actual ones', () => {
    assert.deepEqual(warningsOf('default_x509_svid: 90d, jwt_key: 10m, default_jwt_svid: 24h'), [
      'lifetimes.default_x509_svid: a life of 90d cannot be had under a key that lives 30d: it will be between 10d and 30d (lifetimes.spiffe_ca)',
      'lifetimes.default_jwt_svid: a life of 1d cannot be had under a key that lives 10m: it will be between 200s and 10m (lifetimes.jwt_key)',
    ])
  })

  it('that a key allows only at first are named as well', () => {
    assert.deepEqual(warningsOf('jwt_key: 10m, default_jwt_svid: 4m'), [
      'lifetimes.default_jwt_svid: a life of 4m cannot always be had under a key that lives 10m: it will be between 200s and 4m (lifetimes.jwt_key)',
    ])
  })
})
