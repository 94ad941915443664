import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ApplyResponse__Output } from '../../src/rpc/gen/signet/v1/ApplyResponse.ts'
import type { ListAuditEventsResponse__Output } from '../../src/rpc/gen/signet/v1/ListAuditEventsResponse.ts'
import type { VerifyAuditResponse__Output } from '../../src/rpc/gen/signet/v1/VerifyAuditResponse.ts'
import { ADMIN, auditOf, identity } from '../support/authority-calls.ts'
import { startAuthority, type TestAuthority } from '../support/start-authority.ts'

describe('resources', () => {
  let authority: TestAuthority
  before(async () => {
    authority = await startAuthority()
  })
  after(() => authority[Symbol.asyncDispose]())
  const apply = (text: string, more: object = {}): Promise<ApplyResponse__Output> =>
    authority.admin.unary(ADMIN, 'Apply', { files: [{ text, name: 'r.yaml' }], ...more })

  it('applies all documents of a file or none, and names every problem with its line', async () => {
    const text = [
      'kind: bot',
      'version: v1',
      'metadata: { name: b1 }',
      'spec: { roles: [none-such] }',
      '---',
      identity('fine').trim(),
      'kind: workload_identity',
      'version: v1',
      'metadata: { name: broken }',
      'spec:',
      '  spiffe_id: /a/{{ workload.unix.nothing }}',
      '  allow:',
      '    - when: workload.unix.uid == "text"',
    ].join('\n')
    const { problems, resources } = await apply(text)
    assert.equal(resources.length, 0)
    assert.ok(
      problems.some((problem) => problem.startsWith('r.yaml:4: spec.roles: ')),
      problems.join('\n'),
    )
    assert.ok(
      problems.some((problem) => /^r\.yaml:1[57]: spec\./.test(problem)),
      problems.join('\n'),
    )
    await assert.rejects(
      authority.admin.unary(ADMIN, 'GetResource', { kind: 'workload_identity', name: 'fine' }),
      {
        status: 5,
      },
    )
  })

  it('reports which resources it created, updated or left unchanged', async () => {
    const action = async (text: string): Promise<string | undefined> =>
      (await apply(text)).resources[0]?.action
    assert.equal(await action(identity('one')), 'created')
    assert.equal(await action(identity('one')), 'unchanged')
    assert.equal(await action(identity('one', ', hint: x')), 'updated')
  })

  it('returns resources in a form that can be applied again', async () => {
    await apply(identity('round', ', x509: { ttl: 90m }, jwt: { ttl: 30s }'))
    const { resource } = await authority.admin.unary<object, { resource: { yaml: string; json: string } }>(
      ADMIN,
      'GetResource',
      { kind: 'workload_identity', name: 'round' },
    )
    assert.equal((await apply(resource.yaml)).resources[0]?.action, 'unchanged')
    assert.match(resource.yaml, /ttl: 90m/)
    assert.equal(JSON.parse(resource.json).metadata.name, 'round')
  })

  it('compares without changing anything in a dry run', async () => {
    await apply(identity('dry'))
    const { resources } = await apply(identity('dry', ', hint: other') + identity('new'), { dryRun: true })
    assert.deepEqual(
      resources.map(({ name, action }) => [name, action]),
      [
        ['dry', 'updated'],
        ['new', 'created'],
      ],
    )
    assert.match(resources[0]?.diff ?? '', /^\+ {2}hint: other$/m)
    assert.equal((await apply(identity('dry'))).resources[0]?.action, 'unchanged')
  })

  it('refuses a change of a resource that was changed meanwhile', async () => {
    const revision = (await apply(identity('raced'))).resources[0]?.revision
    await apply(identity('raced', ', hint: theirs'))
    const stale = identity('raced', ', hint: ours').replace(
      'name: raced',
      `name: raced, revision: "${revision}"`,
    )
    const { problems } = await apply(stale)
    assert.match(problems[0] ?? '', /^r\.yaml:3: metadata\.revision: .*get it again$/)
    const request = { kind: 'workload_identity', name: 'raced', revision }
    await assert.rejects(authority.admin.unary(ADMIN, 'DeleteResource', request), { status: 9 })
  })

  it('does not delete a resource that others need, and names them', async () => {
    await apply(
      'kind: role\nversion: v1\nmetadata: { name: needed }\nspec: {}\n---\nkind: bot\nversion: v1\nmetadata: { name: needy }\nspec: { roles: [needed] }\n',
    )
    await authority.createJoinToken('needy')
    const drop = (kind: string, name: string): Promise<object> =>
      authority.admin.unary(ADMIN, 'DeleteResource', { kind, name })
    await assert.rejects(drop('role', 'needed'), { status: 9, publicMessage: /used by bot needy/ })
    await assert.rejects(drop('bot', 'needy'), { status: 9, publicMessage: /used by join_token needy-/ })
    await assert.rejects(drop('role', 'no-such'), { status: 5 })
    await assert.rejects(drop('planet', 'earth'), { status: 3 })
  })

  it('shows the secret of a join token once', async () => {
    const bot = 'kind: bot\nversion: v1\nmetadata: { name: tokens }\nspec: {}\n---\n'
    const token = 'kind: join_token\nversion: v1\nmetadata: { name: first }\nspec: { bot: tokens }\n'
    const { secrets } = await apply(bot + token)
    assert.equal(secrets[0]?.joinToken, 'first')
    assert.match(secrets[0]?.secret ?? '', /^[A-Za-z0-9_-]{43}$/)
    assert.deepEqual((await apply(token)).secrets, [])
    const text = JSON.stringify(await auditOf(authority.admin, {})) + authority.log.join('')
    assert.ok(!text.includes(secrets[0]?.secret ?? '-'), 'a secret must not be logged')
  })

  it('warns if an agent could choose the SPIFFE ID, whichever of role and identity is applied last', async () => {
    const role =
      'kind: role\nversion: v1\nmetadata: { name: wide }\nspec: { allow: [ { kind: workload_identity } ] }\n'
    const chosen = identity('chosen').replace('/svc/chosen', '"/svc/{{ workload.unix.user }}"')
    assert.deepEqual((await apply(chosen)).warnings, [])
    assert.match((await apply(role)).warnings.join('\n'), /^r\.yaml:\d+: role wide: .*chosen/)
    assert.match(
      (await apply(chosen.replace('user', 'uid'))).warnings.join('\n'),
      /^r\.yaml:\d+: workload_identity chosen: /,
    )
  })

  it('records who made each change', async () => {
    await apply(identity('recorded'))
    const events = await auditOf(authority.admin, { events: ['resource.created'] })
    const mine = events.filter(({ detailJson }) => detailJson.includes('"recorded"'))
    assert.equal(mine.length, 1)
    assert.match(mine[0]?.actor ?? '', new RegExp(`^uid:${process.getuid?.()}`))
  })

  it('lets an audit reader follow new events', async () => {
    const abort = new AbortController()
    const stream = authority.admin.stream<object, ListAuditEventsResponse__Output>(
      ADMIN,
      'ListAuditEvents',
      { events: ['resource.*'], limit: 1, follow: true },
      { signal: abort.signal },
    )
    assert.equal((await stream.next()).value.events.length, 1)
    const next = stream.next()
    await apply(identity('followed'))
    assert.match((await next).value.events[0].detailJson, /"followed"/)
    abort.abort()
    await assert.rejects(stream.next(), { code: 'ERR_RPC_FAILED' })
  })

  it('finds its own audit log intact', async () => {
    const { intact, problems } = await authority.admin.unary<object, VerifyAuditResponse__Output>(
      ADMIN,
      'VerifyAudit',
      {},
    )
    assert.deepEqual([intact, problems], [true, []])
  })
})
