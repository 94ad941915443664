import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Bounds, decide, explain } from '../../../src/policy/decision.ts'
import { formatExplanation } from '../../../src/policy/format-explanation.ts'
import type { LifeLimits } from '../../../src/policy/life.ts'
import { Policy } from '../../../src/policy/policy.ts'
import { NO_BOUNDS } from '../../fakes/fake-bounds.ts'
import { CALLER, compile } from './policy-samples.ts'

const forAll = { allow: [{ match: { 'workload.unix.uid': 1000 } }] }
const one = compile({ spiffe_id: '/one', ...forAll }, 'one')
const two = compile({ spiffe_id: '/two', ...forAll }, 'two')
const names = (bounds: Bounds): unknown => {
  const decision = decide(Policy.of([one, two]), CALLER, bounds)
  return 'grants' in decision ? decision.grants.map(({ identity }) => identity) : decision.by
}

describe('the grants of a caller', () => {
  it('leave out identities that no role permits, before anything is rendered', () => {
    assert.deepEqual(names(NO_BOUNDS), ['one', 'two'])
    assert.deepEqual(names({ ...NO_BOUNDS, mayUse: ({ name }) => name === 'two' }), ['two'])
    assert.equal(names({ ...NO_BOUNDS, mayUse: () => false }), 'no_identity')
  })
})

describe('the lifetimes in an explanation', () => {
  const limits: LifeLimits = { defaultX509Seconds: 3600, defaultJwtSeconds: 300 }
  const lives = (more: Partial<LifeLimits>, spec: object = {}): string => {
    const compiled = compile({ spiffe_id: '/a', ...forAll, ...spec })
    const nowMs = 1_000_000
    const explained = explain(compiled, CALLER, NO_BOUNDS, { nowMs, limits: () => ({ ...limits, ...more }) })
    return formatExplanation({ attributes: {}, identities: [explained] })
  }
  it('are the defaults where nothing is shorter, and no key is known', () => {
    assert.match(lives({}), /X.509-SVID for 1h \(the default\), JWT-SVID for 5m \(the default\)/)
  })
  it('end with the signing key, at once if it has expired', () => {
    const ended = lives({ x509SignerEndMs: 1_090_000, jwtSignerEndMs: 999_000 })
    assert.match(ended, /X.509-SVID for 1m 30s \(the expiry of the signing key\)/)
    assert.match(ended, /JWT-SVID for 0s \(the expiry of the signing key\)/)
  })
  it('name the ttl of the identity, and the max_ttl of a role', () => {
    assert.match(lives({}, { x509: { ttlSeconds: 60 } }), /X.509-SVID for 1m \(its ttl\)/)
    assert.match(lives({ roleMaxTtlSeconds: 30 }), /X.509-SVID for 30s \(max_ttl of a role\)/)
  })
})
