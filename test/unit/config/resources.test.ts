import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatResource, parseResources } from '../../../src/config/resources.ts'

const document = (kind: string, spec: string, metadata = '{ name: a }'): string =>
  `kind: ${kind}\nversion: v1\nmetadata: ${metadata}\nspec: ${spec}\n`

describe('numbers in a resource', () => {
  const warningsOf = (kind: string, spec: string): readonly string[] =>
    parseResources(document(kind, spec), 'f.yaml').resources.flatMap(({ warnings }) => warnings)

  it('cause a warning where YAML reads another number than was written', () => {
    const claims = '{ a: 007, b: [0x1f, 1.50, +5, 12], c: "007", d: 1.5 }'
    const told = (written: string, read: number): string =>
      `f.yaml:4: ${written} is read as the number ${read}: write it in quotes to keep it as it is`
    assert.deepEqual(warningsOf('workload_identity', `{ spiffe_id: /a, jwt: { extra_claims: ${claims} } }`), [
      told('007', 7),
      told('0x1f', 31),
      told('1.50', 1.5),
      told('+5', 5),
    ])
    assert.deepEqual(warningsOf('bot', '{ traits: { cost_center: 0815 } }'), [told('0815', 815)])
    assert.deepEqual(
      warningsOf('federation', '{ trust_domain: a, bundle: { keys: [], spiffe_sequence: 01 } }'),
      [],
    )
  })

  it('are refused as traits beyond 2^53', () => {
    const { problems } = parseResources(document('bot', '{ traits: { id: 9007199254740993 } }'), 'f.yaml')
    assert.match(problems.join(), /^f\.yaml:4: spec\.traits\.id: /)
    assert.deepEqual(
      parseResources(document('bot', '{ traits: { id: 9007199254740991 } }'), 'f.yaml').problems,
      [],
    )
  })
})

describe('a string with a lone surrogate', () => {
  for (const [what, kind, spec, metadata] of [
    ['spec.hint', 'workload_identity', '{ spiffe_id: /a, hint: "a\\ud800" }', '{ name: a }'],
    ['metadata.labels.x', 'bot', '{}', '{ name: a, labels: { x: "\\udc00" } }'],
    ['spec.traits.t.0', 'bot', '{ traits: { t: ["\\ud83d"] } }', '{ name: a }'],
  ] as const) {
    it(`is refused as ${what}`, () => {
      const { problems } = parseResources(document(kind, spec, metadata), 'f.yaml')
      assert.equal(problems.length, 1)
      assert.match(problems[0] ?? '', new RegExp(`^f\\.yaml:\\d: ${what}: a lone surrogate`))
    })
  }

  it('is accepted with both halves', () => {
    assert.deepEqual(
      parseResources(document('bot', '{ traits: { t: "\\ud83d\\ude00" } }'), 'f.yaml').problems,
      [],
    )
  })
})

describe('parseResources', () => {
  it('reads every kind of resource, durations in seconds', () => {
    const { resources, problems } = parseResources(
      [
        document('role', '{ max_ttl: 8h, allow: [{ kind: workload_identity, spiffe_ids: [/a/**] }] }'),
        document('bot', '{ roles: [a], traits: { team: pay } }'),
        document('join_token', '{ bot: a, max_uses: 2 }', '{ name: a, expires: 2027-01-01T00:00:00+01:00 }'),
        document(
          'workload_identity',
          '{ spiffe_id: /a, allow: [{ match: { workload.unix.uid: [0, 1] } }], x509: { ttl: 1h }, jwt: { ttl: 5m } }',
          '{ name: a, labels: { env: x }, revision: "7" }',
        ),
        document('lock', '{ target: { bot: a }, reason: lost }'),
      ].join('---\n'),
      'all.yaml',
    )
    assert.deepEqual(problems, [])
    assert.deepEqual(
      resources.map(({ kind, name, labels, expiresMs, revision, spec }) => ({
        kind,
        name,
        labels,
        expiresMs,
        revision,
        spec,
      })),
      [
        {
          kind: 'role',
          name: 'a',
          labels: {},
          expiresMs: undefined,
          revision: undefined,
          spec: { max_ttl: 28_800, allow: [{ kind: 'workload_identity', spiffe_ids: ['/a/**'] }] },
        },
        {
          kind: 'bot',
          name: 'a',
          labels: {},
          expiresMs: undefined,
          revision: undefined,
          spec: { roles: ['a'], traits: { team: 'pay' } },
        },
        {
          kind: 'join_token',
          name: 'a',
          labels: {},
          expiresMs: Date.parse('2026-12-31T23:00:00Z'),
          revision: undefined,
          spec: { bot: 'a', method: 'secret', max_uses: 2 },
        },
        {
          kind: 'workload_identity',
          name: 'a',
          labels: { env: 'x' },
          expiresMs: undefined,
          revision: '7',
          spec: {
            spiffe_id: '/a',
            allow: [{ match: { 'workload.unix.uid': [0, 1] } }],
            x509: { ttlSeconds: 3600 },
            jwt: { ttlSeconds: 300 },
          },
        },
        {
          kind: 'lock',
          name: 'a',
          labels: {},
          expiresMs: undefined,
          revision: undefined,
          spec: { target: { bot: 'a' }, reason: 'lost' },
        },
      ],
    )
  })

  it('keeps the spec as written, for showing and storing it', () => {
    const { resources } = parseResources(document('role', '{ max_ttl: 8h }'), 'a.yaml')
    assert.deepEqual(resources[0]?.specSource, { max_ttl: '8h' })
  })

  it('knows the line of any path, and of the nearest parent of a missing path', () => {
    const text = 'kind: bot\nversion: v1\nmetadata:\n  name: a\nspec:\n  roles:\n    - x\n    - y\n'
    const [resource] = parseResources(text, 'a.yaml').resources
    assert.equal(resource?.line(['spec', 'roles', 1]), 8)
    assert.equal(resource?.line(['spec', 'roles', 7]), 6)
    assert.equal(resource?.line(['spec', 'nothing', 'here']), 5)
    assert.equal(resource?.at(['metadata', 'name']), 'a.yaml:4')
  })

  it('reports every mistake of every document, each with its line', () => {
    const { problems } = parseResources(
      `kind: role
version: v1
metadata: { name: a, labels: { env: 1 } }
spec:
  max_ttl: 8
  alow: []
---
kind: nothing
version: v1
---
kind: lock
version: v1
metadata: { name: a/b }
spec:
  target: { bot: a, join_token: b }
`,
      'bad.yaml',
    )
    assert.deepEqual(
      problems.map((problem) => problem.split(': ').slice(0, 2).join(' ')),
      [
        'bad.yaml:3 metadata.labels.env',
        'bad.yaml:5 spec.max_ttl',
        'bad.yaml:6 spec.alow',
        'bad.yaml:8 kind',
        'bad.yaml:8 metadata',
        'bad.yaml:8 spec',
        'bad.yaml:13 metadata.name',
        'bad.yaml:15 spec.target',
      ],
    )
  })

  it('passes a resource whose only mistakes are unknown keys to later checks as well', () => {
    const { resources, problems } = parseResources(document('bot', '{ roles: [], typo: 1 }'), 'a.yaml')
    assert.deepEqual(problems, ['a.yaml:4: spec.typo: unknown key'])
    assert.deepEqual(resources[0]?.spec, { roles: [], traits: {} })
  })

  it('refuses the same resource twice and says where the first one is', () => {
    const { problems } = parseResources(
      [document('bot', '{}'), document('bot', '{}')].join('---\n'),
      'a.yaml',
    )
    assert.deepEqual(problems, ['a.yaml:8: metadata.name: bot a is already at a.yaml:1'])
  })

  for (const [what, text] of Object.entries({
    'an empty file': '',
    'a file of comments': '# nothing\n---\n',
    'no YAML': 'kind: [',
    'a list': '- kind: bot\n',
    'a duplicate key': 'kind: bot\nkind: role\n',
    'documents that contain themselves': `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(20)}]\nc: [${'*b,'.repeat(20)}]\n`,
    '__proto__ as a key':
      'kind: bot\nversion: v1\nmetadata: { name: a }\nspec: { __proto__: { roles: [] } }\n',
    'a bot that expires': document('bot', '{}', '{ name: a, expires: 2027-01-01T00:00:00Z }'),
    'an instant without a zone': document(
      'lock',
      '{ target: { bot: a } }',
      '{ name: a, expires: 2027-01-01T00:00:00 }',
    ),
    'a lock without a target': document('lock', '{ target: {} }'),
    'a rule without a condition': document('workload_identity', '{ spiffe_id: /a, allow: [{}] }'),
    'a match without values': document(
      'workload_identity',
      '{ spiffe_id: /a, allow: [{ match: { a.b: [] } }] }',
    ),
    'a match with an unknown operator': document(
      'workload_identity',
      '{ spiffe_id: /a, allow: [{ match: { a.b: { like: x } } }] }',
    ),
    'a TTL beyond the limit': document('workload_identity', '{ spiffe_id: /a, jwt: { ttl: 25h } }'),
    'a join token without uses': document('join_token', '{ bot: a, max_uses: 0 }'),
  })) {
    it(`refuses ${what}, with file and line`, () => {
      const { problems } = parseResources(text, 'a.yaml')
      assert.ok(problems.length > 0)
      for (const problem of problems) assert.match(problem, /^a\.yaml:\d+: /)
    })
  }
})

describe('formatResource', () => {
  it('writes what parseResources reads back, whatever words it contains', () => {
    const spec = { roles: ['a'], traits: { t: 'no', n: '007', x: '~', y: 'a: b', z: '#', e: '1e3' } }
    const text = formatResource('bot', 'a', { labels: { a: 'on', b: '0x10' }, revision: '12' }, spec)
    const { resources, problems } = parseResources(text, 'a.yaml')
    assert.deepEqual(problems, [])
    assert.deepEqual(resources[0]?.specSource, spec)
    assert.deepEqual(resources[0]?.labels, { a: 'on', b: '0x10' })
    assert.equal(resources[0]?.revision, '12')
  })

  it('is the same for the same resource', () => {
    const once = formatResource('bot', 'a', {}, { roles: [] })
    const [resource] = parseResources(once, 'a.yaml').resources
    assert.equal(formatResource('bot', 'a', {}, resource?.specSource), once)
  })
})
