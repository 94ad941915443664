import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  checkRole,
  RoleBounds,
  type RoleRuleSpec,
  type RoleSpec,
  unsupportedRules,
} from '../../../src/policy/role.ts'

const bounds = (...specs: readonly RoleSpec[]): RoleBounds =>
  new RoleBounds(specs.map((spec, at) => ({ name: `role${at}`, spec })))
const grant = (
  path: string,
  dnsSans: readonly string[] = [],
  labels: Record<string, string> = { env: 'staging' },
) => ({
  identity: 'web',
  labels,
  spiffeId: `spiffe://example.org${path}`,
  dnsSans,
})
const rule = (more: object): RoleRuleSpec[] => [{ kind: 'workload_identity', ...more }]

describe('RoleBounds', () => {
  it('allows nothing without a role', () => {
    assert.deepEqual(bounds().check(grant('/a')), { refused: 'no role allows this workload identity' })
    assert.equal(bounds().mayUse({ name: 'web', labels: {} }), false)
  })
  it('allows any ID without spiffe_ids, and no DNS name without dns_names', () => {
    const any = bounds({ allow: rule({}) })
    assert.deepEqual(any.check(grant('/x/y')), { maxTtlSeconds: undefined })
    assert.match(JSON.stringify(any.check(grant('/x', ['a.internal']))), /no role allows the DNS names/)
    assert.equal(any.hasSpiffeIdBound({ name: 'web', labels: {} }), false)
  })
  it('checks a grant against patterns of IDs and DNS names', () => {
    const b = bounds({ allow: rule({ spiffe_ids: ['/svc/**'], dns_names: ['*.internal'] }) })
    assert.deepEqual(b.check(grant('/svc/a/b', ['a.internal'])), { maxTtlSeconds: undefined })
    assert.match(JSON.stringify(b.check(grant('/other'))), /no role allows the SPIFFE ID/)
    assert.match(
      JSON.stringify(b.check({ ...grant(''), spiffeId: 'spiffe://example.org' })),
      /no role allows the SPIFFE ID/,
    )
    assert.match(JSON.stringify(b.check(grant('/svc/a', ['a.b.internal']))), /DNS names/)
    assert.equal(b.hasSpiffeIdBound({ name: 'web', labels: {} }), true)
  })
  it('does not combine halves of two rules', () => {
    const b = bounds(
      { allow: rule({ spiffe_ids: ['/a'] }) },
      { allow: rule({ spiffe_ids: ['/b'], dns_names: ['x'] }) },
    )
    assert.match(JSON.stringify(b.check(grant('/a', ['x']))), /DNS names/)
  })
  it('uses the smallest max_ttl of the roles that grant', () => {
    const b = bounds(
      { max_ttl: 100, allow: rule({}) },
      { max_ttl: 50, allow: rule({}) },
      { max_ttl: 1, allow: rule({ name: 'other' }) },
    )
    assert.deepEqual(b.check(grant('/a')), { maxTtlSeconds: 50 })
  })
  it('lets a deny of any role win', () => {
    const b = bounds(
      { allow: rule({ dns_names: ['*'] }) },
      { deny: rule({ spiffe_ids: ['/root/**'] }) },
      { deny: rule({ dns_names: ['db'] }) },
    )
    assert.ok('maxTtlSeconds' in b.check(grant('/a', ['web'])))
    assert.match(JSON.stringify(b.check(grant('/root/a'))), /denies/)
    assert.match(JSON.stringify(b.check(grant('/a', ['web', 'db']))), /denies/)
    assert.equal(b.mayUse({ name: 'web', labels: {} }), true)
    assert.equal(
      bounds({ allow: rule({}), deny: rule({ name: 'web' }) }).mayUse({ name: 'web', labels: {} }),
      false,
    )
  })
  it('chooses identities by name, glob of names and labels', () => {
    const b = bounds({
      allow: [
        ...rule({ name: 'web' }),
        ...rule({ name: ['db-*'] }),
        ...rule({ labels: { env: ['staging'] } }),
      ],
    })
    const may = (name: string, labels: Record<string, string> = {}): boolean => b.mayUse({ name, labels })
    assert.deepEqual([may('web'), may('db-1'), may('x', { env: 'staging' })], [true, true, true])
    assert.deepEqual([may('x'), may('x', { env: 'prod' }), may('constructor')], [false, false, false])
  })
  it('grants no use through rules of administration or of other kinds', () => {
    const b = bounds({
      allow: [
        { kind: 'workload_identity', verbs: ['get'] },
        { kind: 'database', name: 'app' },
      ],
      deny: [{ kind: 'bot', verbs: ['get'] }],
    })
    assert.equal(b.mayUse({ name: 'web', labels: {} }), false)
  })
  it('cannot be created from an invalid role', () => {
    const mistakes = [
      { spiffe_ids: ['svc'] },
      { spiffe_ids: '/svc' },
      { dns_names: 'a.internal' },
      { name: '/***' },
    ]
    for (const mistake of mistakes) {
      assert.throws(() => bounds({ allow: rule(mistake) }), { code: 'ERR_POLICY_INVALID' })
      assert.throws(() => bounds({ deny: rule(mistake) }), { code: 'ERR_POLICY_INVALID' })
    }
  })
})

describe('checkRole', () => {
  it('finds nothing wrong with the example of the documentation', () => {
    assert.deepEqual(
      checkRole({
        max_ttl: 28_800,
        allow: [
          {
            kind: 'workload_identity',
            labels: { env: ['staging'] },
            spiffe_ids: ['/svc/**'],
            dns_names: ['*.internal'],
          },
        ],
        deny: [],
      }),
      [],
    )
  })
  const one = (rule: unknown): object => ({ allow: [rule] })
  const bad: readonly (readonly [string, unknown, string])[] = [
    ['not a mapping', 7, ''],
    ['an unknown key', { alow: [] }, 'alow'],
    ['a max_ttl of zero', { max_ttl: 0 }, 'max_ttl'],
    ['rules that are not a list', { deny: {} }, 'deny'],
    ['a rule that is not a mapping', one('x'), 'allow.0'],
    ['an unknown kind', one({ kind: 'nope' }), 'allow.0.kind'],
    ['a kind from Object.prototype', one({ kind: 'constructor' }), 'allow.0.kind'],
    ['a key of another kind', one({ kind: 'workload_identity', principals: ['a'] }), 'allow.0.principals'],
    ['a name that is not text', one({ kind: 'workload_identity', name: 7 }), 'allow.0.name'],
    ['labels that are not a mapping', one({ kind: 'workload_identity', labels: [] }), 'allow.0.labels'],
    ['a label of a wrong type', one({ kind: 'workload_identity', labels: { env: 7 } }), 'allow.0.labels.env'],
    ['an empty list', one({ kind: 'workload_identity', spiffe_ids: [] }), 'allow.0.spiffe_ids'],
    ['a list with a number', one({ kind: 'workload_identity', dns_names: [7] }), 'allow.0.dns_names'],
    [
      'an ID pattern with a scheme',
      one({ kind: 'workload_identity', spiffe_ids: ['spiffe://a/b'] }),
      'allow.0.spiffe_ids.0',
    ],
    [
      'a DNS pattern in capitals',
      one({ kind: 'workload_identity', dns_names: ['A.b'] }),
      'allow.0.dns_names.0',
    ],
  ]
  for (const [rule, key, message] of [
    [{ kind: 'database', name: 'app' }, 'kind', 'rules for database are not supported by this version'],
    [{ kind: 'bot', verbs: ['get'] }, 'kind', 'rules for bot are not supported by this version'],
    [{ kind: 'workload_identity', verbs: ['get'] }, 'verbs', 'verbs are not supported by this version'],
  ] as const) {
    it(`refuses ${JSON.stringify(rule)}, which nothing enforces`, () => {
      assert.deepEqual(checkRole(one(rule)), [{ path: ['allow', 0, key], message }])
      assert.deepEqual(unsupportedRules({ deny: [{ kind: 'workload_identity' }, rule] }), ['deny.1'])
    })
  }
  for (const [title, spec, path] of bad) {
    it(`reports ${title}`, () => {
      assert.deepEqual(
        checkRole(spec as RoleSpec).map((problem) => problem.path.join('.')),
        [path],
      )
    })
  }
})
