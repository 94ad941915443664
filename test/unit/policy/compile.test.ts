import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PolicyInvalidError } from '../../../src/policy/compile.ts'
import type { PolicyProblem } from '../../../src/policy/problem.ts'
import { CALLER, compile } from './policy-samples.ts'

const ALLOW = [{ match: { 'workload.unix.uid': 1000 } }]

function problemsOf(spec: unknown): readonly PolicyProblem[] {
  try {
    compile(spec as object)
    return []
  } catch (thrown) {
    assert.equal((thrown as PolicyInvalidError).code, 'ERR_POLICY_INVALID')
    return (thrown as PolicyInvalidError).problems
  }
}

const pathsOf = (spec: unknown): string[] => problemsOf(spec).map((problem) => problem.path.join('.'))
const allow = (rule: unknown): object => ({ spiffe_id: '/a', allow: [rule] })
const match = (attribute: string, condition: unknown): object => allow({ match: { [attribute]: condition } })

describe('compileWorkloadIdentity', () => {
  it('fills in the defaults and renders every part', () => {
    const grant = compile({
      spiffe_id: '/svc/{{ workload.unix.user }}',
      hint: 'pay',
      allow: ALLOW,
      x509: { dns_sans: ['{{ bot.name }}.internal', '{{ bot.traits.dots }}', 'x-{{ workload.unix.uid }}.a'] },
      jwt: {
        ttlSeconds: 60,
        extra_claims: {
          team: '{{ bot.traits.team }}',
          uid: '{{ workload.unix.uid }}',
          text: 'u{{ workload.unix.uid }}',
          half: '{{ double(workload.unix.uid) / 16.0 }}',
          nested: { list: [1, null, true, '{{ workload.unix.groups }}'], map: '{{ join.github }}' },
        },
      },
      federates_with: ['partner.example'],
    }).decide(CALLER)
    assert.ok('spiffeId' in grant)
    const { key, ...rest } = grant
    assert.deepEqual(rest, {
      identity: 'web',
      revision: '1',
      spiffeId: 'spiffe://example.org/svc/alice',
      hint: 'pay',
      priority: 100,
      x509: { ttlSeconds: 3600, keyType: 'ec-p256', dnsSans: ['builder.internal', 'a.internal', 'x-1000.a'] },
      jwt: {
        ttlSeconds: 60,
        extraClaims: {
          team: 'pay',
          uid: 1000,
          text: 'u1000',
          half: 62.5,
          nested: {
            list: [1, null, true, [1000, 27]],
            map: { repository: 'acme/payments', run: 7, tags: ['a', 'b'] },
          },
        },
      },
      federatesWith: ['partner.example'],
      rule: 'allow[0]',
    })
    assert.ok(key.includes('spiffe://example.org/svc/alice'))
  })
  it('reports all problems at once, each with its path', () => {
    assert.deepEqual(
      pathsOf({
        spiffe_id: 'a',
        hint: '{{ bot.name }}',
        priority: 1001,
        typo: 1,
        allow: [{ match: { 'workload.unix.uid': '1000', 'workload.unix.nope': 1 }, when: 'uid == 1', x: 1 }],
        deny: [{ match: { 'workload.unix.user': { like: 'x' } } }],
        x509: { ttlSeconds: 0, dns_sans: ['a*.b', 7], more: 1 },
        jwt: { extra_claims: { sub: 'me' } },
        federates_with: ['example.org', 'Bad'],
      }).sort(),
      [
        'allow.0.match.workload.unix.nope',
        'allow.0.match.workload.unix.uid',
        'allow.0.when',
        'allow.0.x',
        'deny.0.match.workload.unix.user.like',
        'federates_with.0',
        'federates_with.1',
        'hint',
        'jwt.extra_claims.sub',
        'priority',
        'spiffe_id',
        'typo',
        'x509.dns_sans.0',
        'x509.dns_sans.1',
        'x509.more',
        'x509.ttl',
      ],
    )
  })
  const bad: readonly (readonly [string, unknown, string])[] = [
    ['a spec that is not a mapping', 7, ''],
    ['an unknown key type', { spiffe_id: '/a', x509: { key_type: 'ed25519' } }, 'x509.key_type'],
    [
      'audiences that are numbers',
      { spiffe_id: '/a', jwt: { allowed_audiences: [7] } },
      'jwt.allowed_audiences',
    ],
    [
      'an operator that audiences do not have',
      { spiffe_id: '/a', jwt: { allowed_audiences: { like: 'a' } } },
      'jwt.allowed_audiences.like',
    ],
    ['a section that is not a mapping', { spiffe_id: '/a', x509: 1 }, 'x509'],
    ['rules that are not a list', { spiffe_id: '/a', allow: {} }, 'allow'],
    ['a rule that is not a mapping', allow('x'), 'allow.0'],
    ['an empty rule', allow({}), 'allow.0'],
    ['a match that is not a mapping', allow({ match: [] }), 'allow.0.match'],
    ['a when that is not text', allow({ when: true }), 'allow.0.when'],
    ['a when that is not a boolean', allow({ when: 'workload.unix.uid' }), 'allow.0.when'],
    [
      'too many conditions',
      allow({ match: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`join.a${i}`, 1])) }),
      'allow.0.match',
    ],
    ['a path with a bad step', match('join.a b', 1), 'allow.0.match.join.a b'],
    ['a group of attributes', match('workload.unix', 1), 'allow.0.match.workload.unix'],
    ['an unknown root', match('host.name', 'a'), 'allow.0.match.host.name'],
    ['an attribute without a name', match('workload', 1), 'allow.0.match.workload'],
    ['no operator', match('bot.name', {}), 'allow.0.match.bot.name'],
    ['two operators', match('bot.name', { not: 'a', exists: true }), 'allow.0.match.bot.name'],
    ['exists: false', match('bot.name', { exists: false }), 'allow.0.match.bot.name.exists'],
    ['an empty list', match('bot.name', []), 'allow.0.match.bot.name'],
    ['one bad value in a list', match('workload.unix.uid', [1, 'a']), 'allow.0.match.workload.unix.uid.1'],
    ['a number where text is expected', match('bot.name', 7), 'allow.0.match.bot.name'],
    ['a fraction', match('join.x', 1.5), 'allow.0.match.join.x'],
    ['null', match('join.x', null), 'allow.0.match.join.x'],
    ['a boolean where text is expected', match('bot.name', true), 'allow.0.match.bot.name'],
    [
      'a boolean where a number is expected',
      match('workload.unix.uid', true),
      'allow.0.match.workload.unix.uid',
    ],
    [
      'a glob on a number',
      match('workload.unix.uid', { glob: '1*' }),
      'allow.0.match.workload.unix.uid.glob',
    ],
    ['a glob that is not text', match('bot.name', { glob: 1 }), 'allow.0.match.bot.name.glob'],
    ['** within a segment', match('bot.name', { glob: 'a**' }), 'allow.0.match.bot.name.glob'],
    ['an empty glob', match('bot.name', { glob: '' }), 'allow.0.match.bot.name.glob'],
    [
      'a glob of 2000 characters',
      match('bot.name', { glob: 'a'.repeat(2000) }),
      'allow.0.match.bot.name.glob',
    ],
    [
      'a not with an invalid condition',
      match('workload.unix.uid', { not: 'a' }),
      'allow.0.match.workload.unix.uid.not',
    ],
    ['a template of 9000 characters', { spiffe_id: `/{{ bot.name }}${'a'.repeat(9_000)}` }, 'spiffe_id'],
    [
      'text for an attribute that is true or false',
      { spiffe_id: '/a', allow: [{ match: { 'workload.unix.binary_deleted': 'yes' } }] },
      'allow.0.match.workload.unix.binary_deleted',
    ],
    ['claims that are not a mapping', { spiffe_id: '/a', jwt: { extra_claims: [] } }, 'jwt.extra_claims'],
    [
      'a claim that JSON cannot hold',
      { spiffe_id: '/a', jwt: { extra_claims: { a: 1n } } },
      'jwt.extra_claims.a',
    ],
    [
      'a claim name that is a template',
      { spiffe_id: '/a', jwt: { extra_claims: { '{{ x }}': 1 } } },
      'jwt.extra_claims.{{ x }}',
    ],
    [
      'a timestamp in a claim',
      { spiffe_id: '/a', jwt: { extra_claims: { a: '{{ timestamp(workload.unix.started_at) }}' } } },
      'jwt.extra_claims.a',
    ],
    [
      'a list within text',
      { spiffe_id: '/a', jwt: { extra_claims: { a: 'x{{ workload.unix.groups }}' } } },
      'jwt.extra_claims.a',
    ],
    ['a DNS label that ends with -', { spiffe_id: '/a', x509: { dns_sans: ['a-.b'] } }, 'x509.dns_sans.0'],
    [
      'a number beyond 2^53',
      { spiffe_id: '/a', jwt: { extra_claims: { a: 2 ** 53 } } },
      'jwt.extra_claims.a',
    ],
    [
      'an infinite number',
      { spiffe_id: '/a', jwt: { extra_claims: { a: [Number.POSITIVE_INFINITY] } } },
      'jwt.extra_claims.a.0',
    ],
    ['a lone surrogate', { spiffe_id: '/a', jwt: { extra_claims: { a: 'x\ud800' } } }, 'jwt.extra_claims.a'],
    [
      'a lone surrogate in a name',
      { spiffe_id: '/a', jwt: { extra_claims: { '\udc00': 1 } } },
      'jwt.extra_claims.\udc00',
    ],
    ['no spiffe_id', {}, 'spiffe_id'],
  ]
  for (const [title, spec, path] of bad) {
    it(`refuses ${title}`, () => {
      assert.deepEqual(pathsOf(spec), [path])
    })
  }
  it('refuses more or deeper claims than anybody needs', () => {
    let deep: unknown = 1
    for (let level = 0; level < 12; level += 1) deep = { deep }
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`c${i}`, i]))
    assert.equal(problemsOf({ spiffe_id: '/a', jwt: { extra_claims: { deep } } }).length, 1)
    assert.equal(problemsOf({ spiffe_id: '/a', jwt: { extra_claims: many } }).length, 1)
  })
})

describe('spiffe_id', () => {
  const good: readonly (readonly [string, string])[] = [
    ['/svc/web', '/svc/web'],
    ['spiffe://example.org/svc', '/svc'],
    ['/u-{{ workload.unix.user }}.x/{{workload.unix.uid}}', '/u-alice.x/1000'],
    ['/{{ "}}" == bot.name ? "x" : \'a\' }}', '/a'],
    ['/{{ {"a": "b\\"}}"}["a"] == "b" ? "x" : "y" }}', '/y'],
    ['/{{ bot.traits.team }}', '/pay'],
  ]
  for (const [text, path] of good) {
    it(`renders ${text}`, () => {
      const grant = compile({ spiffe_id: text, allow: ALLOW }).decide(CALLER)
      assert.equal('spiffeId' in grant && grant.spiffeId, `spiffe://example.org${path}`)
    })
  }
  const bad = [
    '',
    '/',
    'svc',
    '//a',
    '/a/',
    '/a//b',
    '/.',
    '/a/..',
    '/a b',
    '/é',
    'spiffe://other.org/a',
    '/{{ a }}',
    '/{{ workload.unix.uid',
    '/a}}b',
    '/{{ bot.name }}-{{ bot.instance_id }}',
    '/{{ bot.name + bot.instance_id }}',
    '/{{ workload.unix.groups }}',
    '/{{ }}',
    '/{{ bot.name == "x" }}',
    `/${'a'.repeat(2048)}`,
    `/${'a'.repeat(9000)}`,
  ]
  for (const text of bad) {
    it(`refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
      assert.deepEqual(pathsOf({ spiffe_id: text }), ['spiffe_id'])
    })
  }
  const refused: readonly (readonly [string, RegExp])[] = [
    ['/{{ workload.unix.binary_sha256 }}', /binary_sha256 is absent/],
    ['/{{ bot.traits.odd }}', /"a\/b" cannot be a path segment/],
    ['/{{ bot.traits.team == "pay" ? ".." : "" }}', /"\.\." cannot be a path segment/],
    ['/{{ join.github.tags }}', /neither text nor a whole number/],
    ['/{{ string(1 / (workload.unix.uid - 1000)) }}', /cannot be evaluated/],
  ]
  for (const [text, reason] of refused) {
    it(`refuses a caller for which ${text} renders no segment`, () => {
      const outcome = compile({ spiffe_id: text, allow: ALLOW }).decide(CALLER)
      assert.match('refused' in outcome ? outcome.refused : 'granted', reason)
    })
  }
  it('refuses an ID longer than 2048 bytes (SPIFFE-ID §2.3)', () => {
    const caller = { ...CALLER, bot: { name: 'a'.repeat(3000) } }
    const outcome = compile({ spiffe_id: '/{{ bot.name }}', allow: ALLOW }).decide(caller)
    assert.match('refused' in outcome ? outcome.refused : 'granted', /longer than 2048 bytes/)
  })
})

describe('dns_sans and claims', () => {
  const refused: readonly (readonly [string, object, RegExp])[] = [
    [
      'a label with a dot',
      { x509: { dns_sans: ['{{ bot.traits.dots }}.b'] } },
      /"a\.internal" cannot be a label/,
    ],
    [
      'a wildcard',
      { x509: { dns_sans: ['{{ bot.traits.team == "pay" ? "*" : "a" }}.b'] } },
      /"\*" cannot be a label/,
    ],
    ['an absent attribute', { x509: { dns_sans: ['{{ join.nope }}.b'] } }, /join\.nope is absent/],
    [
      'a name too long',
      { x509: { dns_sans: [`{{ bot.name }}${'.aaaaaaaaa'.repeat(30)}`] } },
      /longer than 253 bytes/,
    ],
    [
      'a claim from an absent attribute',
      { jwt: { extra_claims: { a: ['{{ join.nope }}'] } } },
      /extra_claims: join\.nope is absent/,
    ],
    [
      'a claim with a lone surrogate from a template',
      { jwt: { extra_claims: { a: '{{ bot.traits.half }}' } } },
      /some JSON readers reject/,
    ],
    [
      'a claim with a number too large',
      { jwt: { extra_claims: { a: '{{ 9007199254740993 + workload.unix.uid }}' } } },
      /a claim cannot hold/,
    ],
  ]
  for (const [title, more, reason] of refused) {
    it(`refuses the identity for ${title}`, () => {
      const outcome = compile({ spiffe_id: '/a', allow: ALLOW, ...more }).decide(CALLER)
      assert.match('refused' in outcome ? outcome.refused : 'granted', reason)
    })
  }
  it("refuses claims that grow beyond 4 KiB with a caller's attributes", () => {
    const caller = { ...CALLER, bot: { name: 'a'.repeat(4000), traits: {} } }
    const spec = {
      spiffe_id: '/a',
      allow: ALLOW,
      jwt: { extra_claims: { a: '{{ bot.name }}', b: '{{ bot.name }}' } },
    }
    const outcome = compile(spec).decide(caller)
    assert.match('refused' in outcome ? outcome.refused : 'granted', /more than 4096 bytes/)
  })
})
