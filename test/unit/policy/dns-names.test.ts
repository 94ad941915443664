import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileWorkloadIdentity, PolicyInvalidError } from '../../../src/policy/compile.ts'
import { checkRole, RoleBounds, type RoleSpec } from '../../../src/policy/role.ts'

const DEFAULTS = { trustDomain: 'example.org', x509TtlSeconds: 3600, jwtTtlSeconds: 300 }
const traits = { zone: 'internal', address: '10.0.0.1', last: '7', star: '*.internal' }
const CALLER = { workload: { unix: { uid: 1000 } }, join: {}, bot: { name: 'b', traits } }

/** The DNS names that result, or why there are none. */
function rendered(...dns_sans: readonly string[]): readonly string[] | string {
  const spec = { spiffe_id: '/a', allow: [{ match: { 'workload.unix.uid': 1000 } }], x509: { dns_sans } }
  const identity = { name: 'web', revision: '1', labels: {}, spec }
  try {
    const outcome = compileWorkloadIdentity(identity, DEFAULTS).decide(CALLER)
    return 'refused' in outcome ? outcome.refused : outcome.x509.dnsSans
  } catch (error) {
    if (error instanceof PolicyInvalidError) return error.problems.map(({ message }) => message).join('; ')
    throw error
  }
}

describe('DNS names of a certificate', () => {
  for (const name of [
    '10.0.0.1',
    '1.2.3',
    '127.1',
    '2130706433',
    '0x7f.1',
    'a.0x',
    'a.1',
    '{{ bot.traits.address }}',
    'a.{{ bot.traits.last }}',
    '*.1',
  ]) {
    it(`are not ${name}, which would be read as an IP address`, () => {
      assert.match(String(rendered(name)), /read as an IP address/)
    })
  }

  it('may have numbers elsewhere', () => {
    const names = ['1.a', 'a.b1', 'a.1b', '0x7f.a', '10-0-0-1.internal']
    assert.deepEqual(rendered(...names), names)
  })

  it('are listed once, even if two templates render the same', () => {
    assert.deepEqual(rendered('a.internal', 'a.{{ bot.traits.zone }}', 'b.internal', 'a.internal'), [
      'a.internal',
      'b.internal',
    ])
  })

  it('may be a wildcard only with a whole first label that was written so', () => {
    assert.deepEqual(rendered('*.internal', '*.{{ bot.traits.zone }}', '*.a.internal'), [
      '*.internal',
      '*.a.internal',
    ])
    for (const name of [
      '*',
      'a.*',
      'a*.internal',
      '*a.internal',
      '**.internal',
      'a.*.internal',
      '*.*.internal',
      '*.',
      '{{ bot.traits.star }}',
    ])
      assert.equal(typeof rendered(name), 'string', name)
  })
})

describe('dns_names of a role', () => {
  const role = (dns_names: readonly string[], denied?: readonly string[]): RoleBounds => {
    const rule = (names: readonly string[]) => [{ kind: 'workload_identity', dns_names: names }]
    const spec: RoleSpec = { allow: rule(dns_names), ...(denied ? { deny: rule(denied) } : {}) }
    assert.deepEqual(checkRole(spec), [])
    return new RoleBounds([{ name: 'r', spec }])
  }
  const may = (bounds: RoleBounds, ...dnsSans: readonly string[]): boolean =>
    'maxTtlSeconds' in
    bounds.check({ identity: 'web', labels: {}, spiffeId: 'spiffe://example.org/a', dnsSans })

  it('allow a wildcard only where they say exactly that', () => {
    assert.ok(may(role(['*.internal']), '*.internal', 'a.internal'))
    for (const pattern of ['**.internal', 'a*.internal', '*.*', '*', 'internal', '*.a.internal'])
      assert.ok(!may(role([pattern]), '*.internal'), pattern)
    assert.ok(!may(role(['*.internal']), '*.a.internal'))
    assert.ok(may(role(['**.internal', '*.internal']), '*.internal', 'a.b.internal'))
  })

  it('may be of any depth, of one label at least', () => {
    const bounds = role(['**.internal'])
    assert.ok(may(bounds, 'a.internal', 'a.b.internal', 'a.b.c.d.internal'))
    for (const name of ['internal', 'a.internals', 'xinternal', 'a.internal.b'])
      assert.ok(!may(bounds, name), name)
    assert.ok(may(role(['**.a*.internal']), 'x.y.ab.internal'))
  })

  it('may not have ** elsewhere', () => {
    for (const text of ['**', 'a.**', 'a.**.b', '**a.b', '**.**.a', '.a', 'a..b', '**.']) {
      const spec = { allow: [{ kind: 'workload_identity', dns_names: [text] }] }
      assert.deepEqual(
        checkRole(spec).map(({ path }) => path.join('.')),
        ['allow.0.dns_names.0'],
        text,
      )
    }
  })

  it('also deny what a wildcard covers', () => {
    for (const denied of ['db.internal', 'd*.internal', '*.internal', '**.internal'])
      assert.ok(!may(role(['*.internal'], [denied]), '*.internal'), denied)
    for (const denied of ['db.other', 'a.db.internal', 'internal'])
      assert.ok(may(role(['*.internal'], [denied]), '*.internal'), denied)
  })
})
