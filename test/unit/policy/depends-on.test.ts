import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attributes } from '../../../src/policy/attributes.ts'
import { Policy } from '../../../src/policy/policy.ts'
import { compile } from './policy-samples.ts'

const DIGEST = 'workload.unix.binary_sha256'
const CALLER: Attributes = { workload: { unix: { uid: 1000, binary_path: '/opt/a' } } }
const sha = { [DIGEST]: 'abc' }

const hangs = (spec: object): boolean =>
  Policy.of([compile({ spiffe_id: '/a', ...spec })]).dependsOn(DIGEST, CALLER)

describe('whether a digest matters for a caller', () => {
  const table: readonly (readonly [boolean, string, object])[] = [
    [true, 'a rule of nothing else', { allow: [{ match: sha }] }],
    [
      true,
      'a rule whose other conditions hold',
      { allow: [{ match: { ...sha, 'workload.unix.uid': 1000 } }] },
    ],
    [
      false,
      'a rule whose other conditions do not hold',
      { allow: [{ match: { ...sha, 'workload.unix.uid': 1001 } }] },
    ],
    [false, 'a rule without it', { allow: [{ match: { 'workload.unix.uid': 1000 } }] }],
    [
      false,
      'a rule beside another one that grants in any case',
      { allow: [{ match: { 'workload.unix.uid': 1000 } }, { match: sha }] },
    ],
    [true, 'an expression that compares it', { allow: [{ when: `${DIGEST} == "abc"` }] }],
    [true, 'an expression that excludes it', { allow: [{ when: `!(${DIGEST} == "abc")` }] }],
    [true, 'an expression that tests for it', { allow: [{ when: `has(${DIGEST})` }] }],
    [true, 'an expression that tests for its absence', { allow: [{ when: `!has(${DIGEST})` }] }],
    [
      false,
      'an expression that is false before it uses it',
      { allow: [{ when: `workload.unix.uid == 1001 && ${DIGEST} == "abc"` }] },
    ],
    [
      false,
      'an expression that is true in any case',
      { allow: [{ when: `workload.unix.uid == 1000 || ${DIGEST} == "abc"` }] },
    ],
    [
      true,
      'a condition beside an expression that holds',
      { allow: [{ match: sha, when: 'workload.unix.uid == 1000' }] },
    ],
    [
      false,
      'a condition beside an expression that does not',
      { allow: [{ match: sha, when: 'workload.unix.uid == 1001' }] },
    ],
    [
      true,
      'a condition beside an expression that is true in any case',
      { allow: [{ match: sha, when: `workload.unix.uid == 1000 || ${DIGEST} == "abc"` }] },
    ],
    [
      true,
      'a denial of a caller that would be granted it',
      { allow: [{ match: { 'workload.unix.uid': 1000 } }], deny: [{ match: sha }] },
    ],
    [
      false,
      'a denial of a caller that is granted nothing',
      { allow: [{ match: { 'workload.unix.uid': 1001 } }], deny: [{ match: sha }] },
    ],
    [
      true,
      'an ID that contains it',
      { spiffe_id: `/{{ ${DIGEST} }}`, allow: [{ match: { 'workload.unix.uid': 1000 } }] },
    ],
  ]
  for (const [expected, what, spec] of table) {
    it(`${expected ? 'yes' : 'no'}: ${what}`, () => assert.equal(hangs(spec), expected))
  }

  it('is the same beside other identities, and after the rule is gone', () => {
    const rule = compile({ spiffe_id: '/a', allow: [{ match: sha }] }, 'by-digest')
    const other = compile({ spiffe_id: '/b', allow: [{ match: { 'workload.unix.uid': 1000 } }] }, 'other')
    const policy = Policy.of([rule, other])
    assert.equal(policy.dependsOn(DIGEST, CALLER), true)
    assert.equal(policy.with({ removals: ['by-digest'] }).dependsOn(DIGEST, CALLER), false)
  })
})

describe('whether a whole tree that could not be read matters for a caller', () => {
  const joined: Attributes = { workload: {}, join: { method: 'secret' } }
  const uid = { 'workload.unix.uid': 1000 }
  const table: readonly (readonly [boolean, string, object])[] = [
    [true, 'a rule on one of its attributes', { allow: [{ match: uid }] }],
    [true, 'an expression on one of them', { allow: [{ when: 'workload.unix.uid == 1000' }] }],
    [true, 'an expression that tests for absence', { allow: [{ when: '!has(workload.unix.user)' }] }],
    [true, 'an ID that contains one', { spiffe_id: '/{{ workload.unix.uid }}', allow: [{ match: uid }] }],
    [false, 'a rule on something else', { allow: [{ match: { 'join.method': 'secret' } }] }],
    [
      false,
      'a rule whose other conditions do not hold',
      { allow: [{ match: { ...uid, 'join.method': 'oidc' } }] },
    ],
    [
      false,
      'an expression that is false before it uses one',
      { allow: [{ when: 'join.method == "oidc" && workload.unix.uid == 1' }] },
    ],
  ]
  for (const [expected, what, spec] of table) {
    it(`${expected ? 'yes' : 'no'}: ${what}`, () => {
      const policy = Policy.of([compile({ spiffe_id: '/a', ...spec })])
      assert.equal(policy.dependsOn('workload.unix', joined), expected)
    })
  }

  it('is also decided for a tree of attributes without declared types', () => {
    const policy = Policy.of([compile({ spiffe_id: '/a', allow: [{ when: '!has(join.github.run)' }] })])
    const unread: Attributes = { join: { github: {} } }
    assert.equal(policy.dependsOn('join.github', unread), true)
    assert.equal(policy.dependsOn('join.oidc', unread), false)
  })
})
