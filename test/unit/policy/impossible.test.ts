import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { impossibleMatches } from '../../../src/policy/impossible.ts'

const DIGEST = 'ab'.repeat(32)

const problemsOf = (match: object): string[] =>
  impossibleMatches([{ match }], ['allow'], ['secret']).map(
    ({ path, message }) => `${path.slice(3).join('.')}: ${message}`,
  )
const unix = (name: string, spec: unknown): string[] => problemsOf({ [`workload.unix.${name}`]: spec })

describe('a condition that no process can meet', () => {
  for (const [name, spec, wanted] of [
    ['binary_sha256', DIGEST.toUpperCase(), /write it as (ab){32}$/],
    ['binary_sha256', `sha256:${DIGEST}`, /write it as (ab){32}$/],
    ['binary_sha256', `SHA-256:${DIGEST}`, /write it as (ab){32}$/],
    ['binary_sha256', DIGEST.slice(2), /expected 64 lower-case hex digits/],
    ['binary_sha256', { not: DIGEST.toUpperCase() }, /not: write it as/],
    ['binary_sha256', { glob: 'sha256:*' }, /glob: expected lower-case hex digits/],
    ['binary_path', 'bin/app', /expected an absolute path such as \/opt/],
    ['binary_path', './app', /expected an absolute path/],
    ['binary_path', '~/app', /expected an absolute path/],
    ['binary_path', '/opt/../bin/sh', /the segment \.\./],
    ['binary_path', '/opt//app', /an empty segment/],
    ['binary_path', '/opt/app/', /an empty segment/],
    ['binary_path', ['/opt/app', 'app'], /binary_path\.1: expected an absolute path/],
    ['binary_path', { glob: 'opt/**' }, /expected an absolute path/],
    ['binary_path', { glob: '*' }, /expected an absolute path/],
    ['cgroup', 'system.slice/a.service', /expected an absolute path such as \/system/],
    ['mount_namespace', 'hosts', /expected host or other/],
    ['mount_namespace', { glob: 'x*' }, /glob: expected a glob that matches host or other/],
    ['mount_namespace', { not: { glob: ['h*', 'hosts'] } }, /not\.glob\.1: expected a glob that matches/],
    ['started_at', '2027-01-01', /expected an instant/],
    ['started_at', { glob: 'yesterday*' }, /expected a glob for an instant/],
    ['user', '', /expected the name of an account/],
    ['group', 'a:b', /expected the name of an account/],
    ['uid', -1, /expected 0 to 4294967294/],
    ['uid', [0, 4_294_967_295], /uid\.1: .*expected 0 to 4294967294/],
    ['groups', { not: -1 }, /not: .*expected 0 to/],
    ['pid', 0, /expected 1 to/],
  ] as const) {
    it(`is refused: ${name}: ${JSON.stringify(spec)}`, () => {
      const [problem = '', ...more] = unix(name, spec)
      assert.match(problem, wanted)
      assert.deepEqual(more, [])
    })
  }
  it('is refused of a join that this version does not know', () => {
    assert.match(
      problemsOf({ 'join.github.repository': 'a' })[0] ?? '',
      /no join method that proves join\.github/,
    )
    assert.match(problemsOf({ 'join.method': 'oidc' })[0] ?? '', /expected secret/)
    for (const [spec, at] of [
      [5, ''],
      [['secret', 'oidc'], '.1'],
      [{ not: 'oidc' }, '.not'],
      [{ not: { not: 'oidc' } }, '.not.not'],
      [{ glob: 'oidc*' }, '.glob'],
      [{ not: { glob: 'oidc*' } }, '.not.glob'],
    ] as const) {
      const [problem = '', ...more] = problemsOf({ 'join.method': spec })
      assert.ok(problem.startsWith(`join.method${at}: `) && problem.endsWith('secret'), problem)
      assert.deepEqual(more, [])
    }
  })
})

it('a rule without conditions, or that is not a rule, has no impossible condition', () => {
  for (const rules of [undefined, 'all', ['all'], [{}], [{ match: 'all' }]])
    assert.deepEqual(impossibleMatches(rules, ['allow'], ['secret']), [])
})

describe('a condition that a process can meet', () => {
  for (const [name, spec] of [
    ['binary_sha256', DIGEST],
    ['binary_sha256', { glob: '*' }],
    ['binary_sha256', { exists: true }],
    ['binary_path', '/opt/app (1)/server'],
    ['binary_path', { glob: '/opt/**' }],
    ['binary_path', { glob: ['**/app', '*/app', '**'] }],
    ['cgroup', '/'],
    ['cgroup', '/../other'],
    ['mount_namespace', ['host', 'other']],
    ['mount_namespace', { glob: 'host' }],
    ['mount_namespace', { glob: ['h*', '*'] }],
    ['mount_namespace', { not: { glob: 'h*' } }],
    ['mount_namespace', { not: { not: 'host' } }],
    ['started_at', '2027-01-01T00:00:00.000Z'],
    ['started_at', { glob: '2027-01-*' }],
    ['user', 'www-data'],
    ['uid', [0, 4_294_967_294]],
    ['groups', { not: 27 }],
    ['binary_deleted', true],
  ] as const) {
    it(`is accepted: ${name}: ${JSON.stringify(spec)}`, () => assert.deepEqual(unix(name, spec), []))
  }
  it('is accepted of what the authority knows of a join', () => {
    for (const spec of [
      'secret',
      { glob: 's*' },
      { exists: true },
      { not: { not: 'secret' } },
      { not: { glob: 'sec*' } },
    ])
      assert.deepEqual(problemsOf({ 'join.method': spec }), [], JSON.stringify(spec))
    assert.deepEqual(
      problemsOf({ 'join.method': 'secret', 'join.token': { glob: 'ci-*' }, 'bot.name': 'a' }),
      [],
    )
  })
})
