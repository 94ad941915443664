import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attributes } from '../../../src/policy/attributes.ts'
import { lookUp } from '../../../src/policy/attributes.ts'
import type { Explanation } from '../../../src/policy/compile.ts'
import { lintWorkloadIdentity } from '../../../src/policy/compile.ts'
import { explain } from '../../../src/policy/decision.ts'
import { formatExplanation } from '../../../src/policy/format-explanation.ts'
import { PersistentMap } from '../../../src/policy/persistent-map.ts'
import { Policy } from '../../../src/policy/policy.ts'
import { explainOrder } from '../../../src/policy/precedence.ts'
import { NO_BOUNDS } from '../../fakes/fake-bounds.ts'
import { CALLER, compile } from './policy-samples.ts'

const byMatch = (attribute: string, condition: unknown): object => ({
  spiffe_id: '/a',
  allow: [{ match: { [attribute]: condition } }],
})
const grants = (spec: object, caller: Attributes = CALLER): boolean =>
  'spiffeId' in compile(spec).decide(caller)
const caller = (uid: number): Attributes => ({ workload: { unix: { uid } } })
const forUid = (uid: number | number[], name: string): ReturnType<typeof compile> =>
  compile(byMatch('workload.unix.uid', uid), name)

const explainAll = (policy: Policy, attributes: Attributes): Explanation => ({
  attributes,
  identities: explainOrder([...policy.identities].map((each) => explain(each, attributes, NO_BOUNDS))),
})

describe('match', () => {
  const table: readonly (readonly [string, unknown, boolean])[] = [
    ['workload.unix.uid', 1000, true],
    ['workload.unix.uid', [1, 1000], true],
    ['workload.unix.uid', 1001, false],
    ['workload.unix.uid', { not: 1001 }, true],
    ['workload.unix.uid', { not: [1000, 1] }, false],
    ['workload.unix.uid', { exists: true }, true],
    ['workload.unix.groups', 27, true],
    ['workload.unix.groups', { not: 27 }, false],
    ['workload.unix.groups', [5, 6], false],
    ['workload.unix.binary_path', { glob: '/opt/payments/**' }, true],
    ['workload.unix.binary_path', { glob: '/opt/*' }, false],
    ['workload.unix.binary_path', { not: { glob: ['/usr/**', '/bin/*'] } }, true],
    ['workload.unix.binary_sha256', { not: 'x' }, false],
    ['workload.unix.binary_sha256', { exists: true }, false],
    ['join.github.run', '7', false],
    ['join.github.run', 7, true],
    ['join.github.run', { glob: '7' }, false],
    ['join.github.tags', 'b', true],
    ['join.github.tags', { glob: 'B*' }, false],
    ['join.github.repository.name', 'x', false],
    ['join.__proto__', { exists: true }, false],
    ['bot.traits.team', 'pay', true],
  ]
  for (const [attribute, condition, expected] of table) {
    it(`${attribute}: ${JSON.stringify(condition)} ${expected ? 'holds' : 'does not hold'}`, () => {
      assert.equal(grants(byMatch(attribute, condition)), expected)
    })
  }
  const globs: readonly (readonly [string, string, boolean])[] = [
    ['/a/**', '/a/b/c', true],
    ['/a/**', '/a', true],
    ['/a/**/d', '/a/d', true],
    ['/a/**/d', '/a/b/c/d', true],
    ['/a/**/d', '/a/b/c', false],
    ['/a/*', '/a/b/c', false],
    ['a*b*c', 'axxbyyc', true],
    ['a*b*c', 'axxbyy', false],
    ['*x', 'axbx', true],
    ['a*', 'a', true],
    ['a', 'b', false],
    ['/a/b', '/a', false],
  ]
  for (const [glob, value, expected] of globs) {
    it(`glob ${glob} ${expected ? 'matches' : 'does not match'} ${value}`, () => {
      assert.equal(grants(byMatch('join.x', { glob }), { join: { x: value } }), expected)
    })
  }
  it('does not read values longer than 4096 characters', () => {
    assert.equal(grants(byMatch('join.x', { glob: '**' }), { join: { x: 'a'.repeat(5000) } }), false)
  })
})

describe('lookUp', () => {
  it('finds own properties only', () => {
    assert.equal(lookUp(CALLER, 'workload.unix.uid'), 1000)
    assert.equal(lookUp(CALLER, 'workload.constructor'), undefined)
    assert.equal(lookUp(CALLER, 'workload.unix.groups.length'), undefined)
  })
})

describe('CompiledIdentity', () => {
  const base = { spiffe_id: '/a', allow: [{ match: { 'workload.unix.uid': 1000 } }] }
  const reason = (spec: object): string => explain(compile(spec), CALLER, NO_BOUNDS).reason ?? 'granted'

  it('grants nobody without an allow rule', () => assert.match(reason({ spiffe_id: '/a' }), /no allow rule/))
  it('reports the first condition of each rule that does not hold', () => {
    const rule = { when: 'workload.unix.uid == 5' }
    const text = reason({
      spiffe_id: '/a',
      allow: [
        { match: { 'workload.unix.uid': [1, 2, 3, 4, 5, 6] } },
        { match: { 'join.nope': { not: 1 } } },
        rule,
        rule,
        rule,
      ],
    })
    assert.equal(
      text,
      'allow[0]: workload.unix.uid is 1000 (wanted 1, 2, 3, 4, 5 or 1 more); allow[1]: join.nope is absent (wanted not 1); ' +
        'allow[2]: when is false: workload.unix.uid == 5; and 2 more rules that do not match',
    )
  })
  it('shows lists, and cuts long ones', () => {
    assert.match(reason(byMatch('workload.unix.groups', 5)), /is \[1000, 27\]/)
    const long =
      explain(compile(byMatch('join.x', 'a')), { join: { x: 'b'.repeat(500) } }, NO_BOUNDS).reason ?? ''
    assert.ok(long.length < 300)
  })
  it('lets any deny win', () => {
    assert.match(
      reason({ ...base, deny: [{ match: { 'bot.name': 'other' } }, { match: { 'bot.name': 'builder' } }] }),
      /deny\[1\] matches/,
    )
  })
  describe('a deny by an attribute that every process has and this one hides', () => {
    const path = 'workload.unix.binary_path'
    const hidden: Attributes = { workload: { unix: { uid: 1000 } }, bot: { name: 'builder' } }
    const decide = (deny: object, facts = hidden): boolean =>
      grants({ spiffe_id: '/a', allow: [{ match: { 'workload.unix.uid': 1000 } }], deny: [deny] }, facts)
    for (const deny of [
      { match: { [path]: '/opt/evil' } },
      { match: { [path]: { not: '/opt/app' } } },
      { match: { [path]: { glob: '/opt/**' } } },
      { match: { [path]: '/opt/evil', 'workload.unix.uid': 1000 } },
      { match: { 'workload.unix.binary_sha256': 'x' } },
      { match: { 'workload.unix.groups': 27 } },
      { match: { 'workload.unix.binary_deleted': true } },
      { match: { 'workload.unix.mount_namespace': 'other' } },
      { match: { 'workload.unix.cgroup': { glob: '/user.slice/**' } } },
      { match: { [path]: '/opt/evil' }, when: 'workload.unix.uid == 1000' },
      { match: { 'workload.unix.uid': 1000 }, when: `${path} == "/opt/evil"` },
      { when: `${path}.startsWith("/opt/")` },
      { when: `27 in workload.unix.groups` },
    ]) {
      it(`refuses: ${JSON.stringify(deny)}`, () => {
        assert.equal(decide(deny), false)
      })
    }
    for (const deny of [
      { match: { [path]: { exists: true } } },
      { match: { [path]: '/opt/evil', 'workload.unix.uid': 1001 } },
      { match: { [path]: '/opt/evil' }, when: 'workload.unix.uid == 1001' },
      { match: { [path]: '/opt/evil', 'workload.unix.user': 'mallory' } },
      { match: { 'workload.unix.user': 'mallory' } },
      { when: `has(${path}) && ${path} == "/opt/evil"` },
      { when: `${path} == "/opt/evil" && workload.unix.uid == 1001` },
    ]) {
      it(`reports that it does not hold: ${JSON.stringify(deny)}`, () => {
        assert.equal(decide(deny), true)
      })
    }
  })

  it('does not deny on an absent attribute', () => {
    assert.equal(
      reason({ ...base, deny: [{ match: { 'join.nope': 1 } }, { when: 'join.nope == 1' }] }),
      'granted',
    )
  })
  for (const when of [
    '1 / (workload.unix.uid - 1000) == 1',
    '1 / (workload.unix.uid - 1000) == 1 || join.nope == 1',
    'join.github.run',
  ]) {
    it(`refuses when a deny cannot be evaluated: ${when}`, () => {
      assert.match(reason({ ...base, deny: [{ when }] }), /deny\[0\]: when cannot be evaluated/)
    })
  }
  it('does not apply an allow rule that cannot be evaluated or uses an absent attribute', () => {
    assert.match(reason({ spiffe_id: '/a', allow: [{ when: 'join.github.run' }] }), /neither true nor false/)
    assert.match(reason({ spiffe_id: '/a', allow: [{ when: '!(join.nope == 1)' }] }), /join\.nope is absent/)
  })
  it('has the same key for the same result and another for another revision', () => {
    const one = compile(base).decide(CALLER)
    const two = compile(base).decide(CALLER)
    assert.ok('key' in one && 'key' in two && one.key === two.key)
  })
})

describe('Policy', () => {
  it('decides in name order and finds each identity by a value of the caller', () => {
    const policy = Policy.of([
      forUid(1000, 'c'),
      forUid([5, 1000], 'a'),
      forUid(6, 'd'),
      compile({ spiffe_id: '/a', allow: [{ when: 'bot.name != "x"' }] }, 'b'),
      compile(byMatch('workload.unix.groups', 27), 'e'),
      compile(
        { spiffe_id: '/a', allow: [{ when: 'bot.name == "builder" && join.method == "secret"' }] },
        'f',
      ),
      compile(
        byMatch(
          'workload.unix.uid',
          Array.from({ length: 300 }, (_, i) => i + 800),
        ),
        'g',
      ),
      compile({ spiffe_id: '/a' }, 'h'),
    ])
    assert.deepEqual(
      policy.decide(CALLER).map((grant) => grant.identity),
      ['a', 'b', 'c', 'e', 'f', 'g'],
    )
    assert.deepEqual(
      policy.decide(caller(6)).map((grant) => grant.identity),
      ['d'],
    )
    assert.equal(policy.size, 8)
    assert.equal(policy.get('a')?.identity.name, 'a')
  })
  it('makes a successor without changing itself', () => {
    const first = Policy.of([forUid(1, 'a'), forUid(1, 'b')])
    const second = first.with({ upserts: [forUid(2, 'a'), forUid(1, 'c')], removals: ['b', 'nobody'] })
    const names = (policy: Policy, uid: number): string[] =>
      policy.decide(caller(uid)).map((grant) => grant.identity)
    assert.deepEqual([names(first, 1), names(first, 2)], [['a', 'b'], []])
    assert.deepEqual([names(second, 1), names(second, 2)], [['c'], ['a']])
    assert.equal(second.with({ removals: ['a', 'c'] }).size, 0)
    assert.deepEqual([...second.with({ removals: ['a', 'c'] }).usedAttributes], [])
    assert.deepEqual([...first.usedAttributes], ['workload.unix.uid'])
  })
  it('decides as a plain walk over all identities would', () => {
    const conditions = [1, 2, [1, 2], { not: 1 }, { exists: true }]
    const identities = conditions.flatMap((condition, at) => [
      compile(byMatch('workload.unix.uid', condition), `m${at}`),
      compile(
        {
          spiffe_id: '/a',
          allow: [
            { match: { 'workload.unix.uid': condition, 'bot.name': ['x', 'y'] } },
            { when: '"k" in join.map' },
          ],
        },
        `w${at}`,
      ),
    ])
    const policy = Policy.of(identities)
    for (const who of [
      caller(1),
      caller(2),
      caller(3),
      {},
      { join: { map: { k: 1 } } },
      { ...caller(1), bot: { name: 'y' } },
    ]) {
      const plain = identities
        .flatMap((one) => ('spiffeId' in one.decide(who) ? [one.identity.name] : []))
        .sort()
      assert.deepEqual(
        policy.decide(who).map((grant) => grant.identity),
        plain,
      )
    }
  })
  it('finds an identity whose rule requires an empty list', () => {
    // There is no value to index it by. It used to be in no bucket: the rule and the explanation
    // granted it, but it was never decided.
    const noGroups = compile({ spiffe_id: '/a', allow: [{ when: 'workload.unix.groups == []' }] })
    assert.equal(Policy.of([noGroups]).decide({ workload: { unix: { groups: [] } } }).length, 1)
    assert.equal(Policy.of([noGroups]).decide({ workload: { unix: { groups: [7] } } }).length, 0)
  })
  it('explains every identity, for people', () => {
    const policy = Policy.of([forUid(5, 'b'), forUid(1000, 'a')])
    assert.equal(
      formatExplanation(explainAll(policy, caller(1000))),
      'attributes:\n  workload.unix.uid = 1000\nworkload identities:\n' +
        '  a (revision 1): granted spiffe://example.org/a by allow[0]\n' +
        '  b (revision 1): not granted: allow[0]: workload.unix.uid is 1000 (wanted 5)\n',
    )
    assert.equal(
      formatExplanation(explainAll(Policy.empty, {})),
      'attributes:\n  (none)\nworkload identities:\n  (none)\n',
    )
  })
})

describe('PersistentMap', () => {
  it('counts, and yields what it holds', () => {
    const map = PersistentMap.empty<number>().with([
      ['a', 1],
      ['b', 2],
      ['a', 3],
      ['c', undefined],
    ])
    assert.equal(map.size, 2)
    assert.deepEqual([...map.values()].sort(), [2, 3])
  })
})

describe('lintWorkloadIdentity', () => {
  const lint = (spec: object): string[] =>
    lintWorkloadIdentity(compile(spec)).map((w) => `${w.path.join('.')}: ${w.message}`)
  it('accepts a rule that names a boundary', () => {
    assert.deepEqual(lint(byMatch('workload.unix.gid', 1)), [])
  })
  it('warns of a rule by path or digest only', () => {
    assert.match(lint(byMatch('workload.unix.binary_path', '/a'))[0] ?? '', /^allow\.0: only the path/)
  })
  it('warns of a rule without any boundary', () => {
    assert.match(lint(byMatch('bot.name', 'a'))[0] ?? '', /^allow\.0: neither uid/)
  })
  it('warns of an identity that nobody gets', () =>
    assert.match(lint({ spiffe_id: '/a' })[0] ?? '', /^allow: no allow/))
})

it('an explanation names the key type and the allowed audiences where they are not the default', () => {
  const spec = { ...byMatch('workload.unix.uid', 1000), x509: { key_type: 'rsa-2048' } }
  const limited = { ...spec, jwt: { allowed_audiences: ['vault', 'sts.amazonaws.com'] } }
  const none = { ...byMatch('workload.unix.uid', 1000), jwt: { allowed_audiences: [] } }
  const policy = Policy.of([compile(limited, 'a'), compile(none, 'b')])
  const text = formatExplanation(explainAll(policy, caller(1000)))
  assert.match(text, /by allow\[0\], keys rsa-2048, tokens for "vault" or "sts\.amazonaws\.com"\n/)
  assert.match(text, /by allow\[0\], tokens for none\n/)
})

it('a policy counts its identities per key type, through every change', () => {
  const typed = (name: string, keyType: string) =>
    compile({ ...byMatch('workload.unix.uid', 1000), x509: { key_type: keyType } }, name)
  const first = Policy.of([typed('a', 'rsa-2048'), typed('b', 'rsa-2048'), typed('c', 'ec-p384')])
  assert.deepEqual([first.keyTypes.get('rsa-2048'), first.keyTypes.get('ec-p384')], [2, 1])
  const next = first.with({ upserts: [typed('a', 'ec-p256'), typed('b', 'rsa-2048')], removals: ['c'] })
  const counts = (['ec-p256', 'rsa-2048', 'ec-p384'] as const).map((type) => next.keyTypes.get(type))
  assert.deepEqual(counts, [1, 1, 0])
  assert.equal(first.keyTypes.get('rsa-2048'), 2)
})
