import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Plan, planApply } from '../../../../src/authority/resources/plan.ts'
import { parseResources } from '../../../../src/config/resources.ts'
import { exportJwk } from '../../../../src/crypto/jwk.ts'
import { generateKeyPair } from '../../../../src/crypto/keys.ts'
import {
  botYaml,
  type CatalogueRig,
  federationYaml,
  identityYaml,
  openCatalogue,
  roleYaml,
} from '../../../support/catalogue-rig.ts'

const KEY_LIVES = { x509Seconds: 30 * 86_400, jwtSeconds: 600 }
const STORED = identityYaml('one') + roleYaml('a') + botYaml('builder', ['a'])

function plan({ catalogue, compile, clock }: CatalogueRig, yaml: string): Promise<Plan> {
  const { resources, problems } = parseResources(yaml, 'f.yaml')
  assert.deepEqual(problems, [])
  return planApply(resources, {
    catalogue,
    compile,
    trustDomain: 'example.org',
    nowMs: clock.now().getTime(),
    keyLives: KEY_LIVES,
  })
}

const actions = ({ changes }: Plan): string[] => changes.map(({ action, next }) => `${next.name} ${action}`)

describe('planApply', () => {
  it('says what would be created, updated and left unchanged', async () => {
    await using rig = await openCatalogue(STORED)
    const made = await plan(rig, STORED.replace('/one', '/uno') + identityYaml('two'))
    assert.deepEqual(actions(made), ['one updated', 'a unchanged', 'builder unchanged', 'two created'])
    assert.equal(made.changes[0]?.before?.name, 'one')
    assert.equal(made.changes[3]?.before, undefined)
    assert.deepEqual([made.problems, made.warnings], [[], []])
  })

  it('changes nothing itself', async () => {
    await using rig = await openCatalogue(STORED)
    await plan(rig, identityYaml('two'))
    assert.equal(rig.catalogue.get('workload_identity', 'two'), undefined)
  })

  it('refuses a revision that is not the current one, and accepts the current one', async () => {
    await using rig = await openCatalogue(STORED)
    const revision = rig.catalogue.get('workload_identity', 'one')?.revision
    const from = (stated: string | undefined): string =>
      identityYaml('one', 'hint: new').replace('name: one', `name: one, revision: "${stated}"`)
    assert.deepEqual((await plan(rig, from(revision))).problems, [])
    const { problems } = await plan(rig, from('77'))
    assert.equal(problems.length, 1)
    assert.match(
      problems[0] ?? '',
      new RegExp(`^f.yaml:\\d+: .*read at revision 77, it is ${revision} now: get it again$`),
    )
    const { problems: gone } = await plan(rig, from('77').replaceAll('one', 'other'))
    assert.match(gone[0] ?? '', /there is no such resource now$/)
  })

  it('finds every mistake in one pass, each with its line', async () => {
    await using rig = await openCatalogue(STORED)
    const { problems } = await plan(
      rig,
      identityYaml('two').replace('/two', '"/two/{{ workload.unix.nothing }}"') +
        botYaml('second', ['missing', 'a']) +
        `
kind: join_token
version: v1
metadata: { name: t }
spec: { bot: nobody, method: secret }
---` +
        roleYaml('r', 'a').replace('/**', '"["'),
    )
    assert.equal(problems.length, 4, problems.join('\n'))
    for (const problem of problems) assert.match(problem, /^f.yaml:\d+: spec\./)
    assert.ok(problems.some((problem) => problem.includes('spec.spiffe_id')))
    assert.ok(problems.some((problem) => problem.includes('there is no role missing')))
    assert.ok(problems.some((problem) => problem.includes('there is no bot nobody')))
    assert.ok(problems.some((problem) => problem.includes('spec.allow.0.spiffe_ids')))
  })

  it('refuses rules that nothing enforces, also in a role that another version has stored', async () => {
    await using rig = await openCatalogue()
    await rig.putSpec('role', 'later', { allow: [{ kind: 'database', name: 'app' }] })
    const role = (rule: string): string =>
      `kind: role\nversion: v1\nmetadata: { name: later }\nspec: { allow: [${rule}] }\n`
    for (const rule of ['{ kind: database, name: app }', '{ kind: workload_identity, verbs: [get] }']) {
      const { problems } = await plan(rig, role(rule))
      assert.equal(problems.length, 1)
      assert.match(
        problems[0] ?? '',
        /^f.yaml:4: spec\.allow\.0\.(kind|verbs): .* not supported by this version$/,
      )
    }
  })

  it('does not change the method of a join token', async () => {
    await using rig = await openCatalogue(botYaml('builder', []))
    await rig.putSpec('join_token', 't', { bot: 'builder', method: 'other', max_uses: 1 })
    const again =
      'kind: join_token\nversion: v1\nmetadata: { name: t }\nspec: { bot: builder, method: secret, max_uses: 2 }\n'
    const { problems } = await plan(rig, again)
    assert.deepEqual(problems, ['f.yaml:4: spec.method: join_token t is of method other: delete it first'])
    await rig.putSpec('join_token', 't', { bot: 'builder', method: 'secret', max_uses: 1 })
    assert.deepEqual((await plan(rig, again)).problems, [])
  })

  it('finds references within the same file, in any order', async () => {
    await using rig = await openCatalogue()
    const token = `
kind: join_token
version: v1
metadata: { name: t }
spec: { bot: builder, method: secret }
---`
    const made = await plan(rig, token + botYaml('builder', ['a']) + roleYaml('a'))
    assert.deepEqual(made.problems, [])
  })

  it('does not check the rules of unchanged resources again', async () => {
    await using rig = await openCatalogue(STORED)
    const compiled: string[] = []
    const { resources } = parseResources(STORED + identityYaml('two'), 'f.yaml')
    await planApply(resources, {
      catalogue: rig.catalogue,
      compile: (identity) => {
        compiled.push(identity.name)
        return rig.compile(identity)
      },
      trustDomain: 'example.org',
      nowMs: 0,
      keyLives: KEY_LIVES,
    })
    assert.deepEqual(compiled, ['two'])
  })

  it('does not report a bug in a compiler as a mistake in a file', async () => {
    await using rig = await openCatalogue()
    const { resources } = parseResources(identityYaml('one'), 'f.yaml')
    const compile = (): never => {
      throw new RangeError('bug')
    }
    await assert.rejects(
      planApply(resources, {
        catalogue: rig.catalogue,
        compile,
        trustDomain: 'example.org',
        nowMs: 0,
        keyLives: KEY_LIVES,
      }),
      RangeError,
    )
  })

  it('refuses a federation with its own trust domain, and a second one for another', async () => {
    await using rig = await openCatalogue(STORED + federationYaml('a.example'))
    const { problems } = await plan(
      rig,
      federationYaml('example.org') +
        federationYaml('a.example', 1, '', 'other') +
        federationYaml('b.example') +
        federationYaml('b.example', 1, '', 'again') +
        federationYaml('a.example', 2),
    )
    const said = problems.map((problem) => problem.replace(/^f\.yaml:\d+: spec\.trust_domain: /, ''))
    assert.deepEqual(said, [
      'example.org is the trust domain of this authority',
      'the federation b.example is for b.example already: change that one',
      'the federation other is for a.example already: change that one',
    ])
    const renamed =
      federationYaml('c.example', 1, '', 'a.example') + federationYaml('a.example', 1, '', 'new')
    assert.deepEqual((await plan(rig, renamed)).problems, [])
  })

  it('warns of a bundle without keys, of skipped keys, and of a bundle that is older', async () => {
    await using rig = await openCatalogue(federationYaml('a.example', 5) + federationYaml('c.example', 5))
    const jwk = exportJwk((await generateKeyPair()).publicKeyDer)
    const keys = (...uses: readonly string[]): string => {
      const all = uses.map((use) => ({ ...jwk, use, kid: 'a' }))
      return JSON.stringify(all)
    }
    const withKeys = (yaml: string, ...uses: readonly string[]): string =>
      yaml.replace('keys: []', `keys: ${keys(...uses)}`)
    const { warnings } = await plan(
      rig,
      federationYaml('a.example', 6) +
        withKeys(federationYaml('b.example'), 'jwt-svid', 'sig', 'x509-svid') +
        withKeys(federationYaml('c.example', 4), 'jwt-svid'),
    )
    const said = warnings.map((warning) => warning.replace(/^f\.yaml:\d+: federation /, ''))
    assert.match(
      said[0] ?? '',
      /^a\.example: its bundle has no key that can be used, so nothing of a\.example/,
    )
    assert.deepEqual(said.slice(1, 3), [
      'b.example: key 1 of its bundle is not delivered: its use is not known',
      'b.example: key 2 of its bundle is not delivered: it has no certificate',
    ])
    assert.match(said[3] ?? '', /^c\.example: its bundle \(spiffe_sequence 4\) is older than .* \(5\)/)
    assert.equal(said.length, 4)
  })

  it('warns where a workload identity names a trust domain without a federation', async () => {
    await using rig = await openCatalogue(STORED + federationYaml('a.example'))
    const partners = identityYaml('two', 'federates_with: [a.example, b.example, c.example]')
    const { problems, warnings } = await plan(rig, partners + federationYaml('b.example'))
    assert.deepEqual(problems, [])
    const [about, ...others] = warnings.filter((warning) => warning.includes('workload_identity two'))
    assert.match(about ?? '', /^f\.yaml:\d+: workload_identity two: there is no federation of c\.example yet/)
    assert.deepEqual(others, [])
  })

  it('warns where one caller may get two identities with one hint, about the one that loses it', async () => {
    await using rig = await openCatalogue(STORED + identityYaml('kept', 'hint: internal'))
    const about = async (yaml: string): Promise<string[]> => {
      const { problems, warnings } = await plan(rig, yaml)
      assert.deepEqual(problems, [])
      return warnings.map((warning) => warning.replace(/^f\.yaml:\d+: workload_identity /, ''))
    }
    const loses = (loser: string, holder: string): string =>
      `${loser}: a caller that gets ${holder} as well, which comes first and has the same hint, gets it without`
    const other = (more: string, uid = 1000, label = 'a'): string =>
      identityYaml('new', more, label).replace('uid: 1000', `uid: ${uid}`)
    assert.deepEqual(await about(other('hint: internal')), [loses('new', 'kept')])
    assert.deepEqual(await about(other('hint: internal, priority: 1')), [loses('kept', 'new')])
    assert.deepEqual(await about(other('hint: other')), [])
    assert.deepEqual(await about(other('hint: internal', 1001)), [], 'nobody is both users')
    assert.deepEqual(await about(other('hint: internal', 1000, 'b')), [], 'no bot may use both')
    assert.deepEqual(
      await about(other('hint: internal', 1000, 'b') + roleYaml('b', 'b') + botYaml('builder', ['a', 'b'])),
      [loses('new', 'kept')],
    )
    const two = other('hint: x') + identityYaml('other', 'hint: x') + identityYaml('third', 'hint: y')
    assert.deepEqual(await about(two), [loses('other', 'new')])
    await rig.put(two)
    assert.deepEqual(await about(two), [], 'reported when it was applied')
  })

  it('warns of a lock that targets nothing and of one that has expired', async () => {
    await using rig = await openCatalogue(STORED)
    const lock = (name: string, target: string, more = ''): string => `
kind: lock
version: v1
metadata: { name: ${name}${more} }
spec: { target: { ${target} }, reason: test }
---`
    const { warnings, problems } = await plan(
      rig,
      lock('typo', 'bot: biulder') +
        lock('good', 'bot: builder') +
        lock('id', 'spiffe_id: spiffe://example.org/nobody') +
        lock('late', 'bot: builder', ', expires: 2020-01-01T00:00:00Z'),
    )
    assert.deepEqual(problems, [])
    assert.equal(warnings.length, 2, warnings.join('\n'))
    assert.ok(warnings.some((warning) => warning.includes('there is no bot biulder now')))
    assert.ok(warnings.some((warning) => warning.includes('late: metadata.expires has passed already')))
  })

  describe('where a SPIFFE ID is made from what the agent reports', () => {
    const CHOSEN = identityYaml('any').replace('/any', '"/u/{{ workload.unix.uid }}"')
    const UNBOUNDED = roleYaml('wide').replace(', spiffe_ids: [/**]', '')

    it('warns of a new identity that a role lets bots use without spiffe_ids', async () => {
      await using rig = await openCatalogue(UNBOUNDED + roleYaml('bounded'))
      const { warnings } = await plan(rig, CHOSEN)
      assert.equal(warnings.filter((warning) => warning.includes('role wide lets bots')).length, 1)
    })

    it('warns of a new role that lets bots use such identities, and names no more than three', async () => {
      const names = ['i1', 'i2', 'i3', 'i4']
      await using rig = await openCatalogue(names.map((name) => CHOSEN.replace('any', name)).join(''))
      const { warnings } = await plan(rig, UNBOUNDED)
      assert.equal(warnings.length, 1)
      assert.match(warnings[0] ?? '', /role wide: .*workload_identity i1, i2, i3 and 1 more/)
    })

    it('does not warn once the role has spiffe_ids, also in the same file', async () => {
      await using rig = await openCatalogue(UNBOUNDED + CHOSEN)
      const { warnings } = await plan(rig, roleYaml('wide') + CHOSEN)
      assert.deepEqual(warnings, [])
    })
  })

  for (const [what, spec, warnings] of [
    ['gets what it asks for', 'x509: { ttl: 10d }, jwt: { ttl: 200s }', []],
    [
      'asks for more than its keys live',
      'x509: { ttl: 90d }, jwt: { ttl: 24h }',
      [
        'f.yaml:5: workload_identity w: x509.ttl: a life of 90d cannot be had under a key that lives 30d: it will be between 10d and 30d',
        'f.yaml:5: workload_identity w: jwt.ttl: a life of 1d cannot be had under a key that lives 10m: it will be between 200s and 10m',
      ],
    ],
    [
      'asks for more than an old key has left',
      'x509: { ttl: 11d }',
      [
        'f.yaml:5: workload_identity w: x509.ttl: a life of 11d cannot always be had under a key that lives 30d: it will be between 10d and 11d',
      ],
    ],
  ] as const) {
    it(`warns of impossible lifetimes: one ${what}`, async () => {
      await using rig = await openCatalogue()
      const yaml = `kind: workload_identity
version: v1
metadata: { name: w }
spec:
  { spiffe_id: /w, allow: [{ match: { workload.unix.uid: 1 } }], ${spec} }
`
      assert.deepEqual((await plan(rig, yaml)).warnings, warnings)
    })
  }

  it('warns of a lifetime that no role with this identity allows', async () => {
    await using rig = await openCatalogue()
    const yaml = `kind: role
version: v1
metadata: { name: short }
spec: { max_ttl: 8h, allow: [{ kind: workload_identity, spiffe_ids: [/**] }] }
---
kind: workload_identity
version: v1
metadata: { name: w }
spec:
  { spiffe_id: /w, allow: [{ match: { workload.unix.uid: 1 } }], x509: { ttl: 9h } }
`
    const { warnings } = await plan(rig, yaml)
    assert.deepEqual(warnings, [
      'f.yaml:10: workload_identity w: x509.ttl: no role lets it live 9h: max_ttl allows 8h',
    ])
    const open = yaml.replace('max_ttl: 8h, ', '')
    assert.deepEqual((await plan(rig, open)).warnings, [])
  })
})
