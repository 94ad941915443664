import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { DEFAULT_RESOURCES, Stack } from '../../support/stack.ts'

describe('signet apply of a file with mistakes', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.create({ inProcess: true })
    await stack.startAuthority()
    await stack.apply(DEFAULT_RESOURCES)
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  async function refuse(yaml: string): Promise<string> {
    const file = path.join(stack.directory, 'bad.yaml')
    await writeFile(file, yaml)
    const done = await stack.signet('apply', '-f', file)
    assert.notEqual(done.code, 0, done.stdout)
    return done.stderr
  }

  it('names every mistake with its file and line, and applies nothing', async () => {
    const said = await refuse(`kind: role
version: v1
metadata: { name: fine }
spec:
  allow: []
---
kind: workload_identity
version: v1
metadata: { name: broken }
spec:
  spiffe_id: /svc/{{ workload.unix.nobody_knows }}
  allow:
    - match: { workload.unix.uid: "1000" }
    - when: workload.unix.uid == "x"
  hintt: typo
---
kind: bot
version: v1
metadata: { name: unknown-role }
spec: { roles: [no-such-role] }
`)
    for (const line of [11, 13, 14, 15, 20]) assert.match(said, new RegExp(`bad\\.yaml:${line}\\b`), said)
    const roles = JSON.parse((await stack.admin('get', 'role', '--json')).stdout) as {
      metadata: { name: string }
    }[]
    assert.ok(!roles.some(({ metadata }) => metadata.name === 'fine'))
  })

  for (const [what, yaml] of Object.entries({
    'invalid YAML': 'kind: [',
    'an unknown kind': 'kind: nothing\nversion: v1\nmetadata: { name: a }\nspec: {}\n',
    'another version': 'kind: bot\nversion: v9\nmetadata: { name: a }\nspec: { roles: [] }\n',
    'no name': 'kind: bot\nversion: v1\nmetadata: {}\nspec: { roles: [] }\n',
    'a name that is a path': 'kind: bot\nversion: v1\nmetadata: { name: ../../etc }\nspec: { roles: [] }\n',
    'a duration without a unit': 'kind: role\nversion: v1\nmetadata: { name: a }\nspec: { max_ttl: 8 }\n',
    'a registered claim':
      'kind: workload_identity\nversion: v1\nmetadata: { name: a }\nspec: { spiffe_id: /a, jwt: { extra_claims: { sub: x } } }\n',
    'two attributes in one path segment':
      'kind: workload_identity\nversion: v1\nmetadata: { name: a }\nspec: { spiffe_id: "/{{ workload.unix.uid }}-{{ workload.unix.gid }}" }\n',
    'a wildcard within a DNS name':
      'kind: workload_identity\nversion: v1\nmetadata: { name: a }\nspec: { spiffe_id: /a, x509: { dns_sans: ["a.*.b"] } }\n',
    'an expression that backtracks':
      'kind: workload_identity\nversion: v1\nmetadata: { name: a }\nspec: { spiffe_id: /a, allow: [{ when: "workload.unix.user.matches(\\"(a+\\")" }] }\n',
    'an alias bomb':
      'a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n',
  })) {
    it(`refuses ${what}, with a line`, async () => {
      assert.match(await refuse(yaml), /bad\.yaml:\d+/)
    })
  }

  it('refuses to overwrite a resource that has changed since it was read', async () => {
    const bot = (revision: string, roles: string): string =>
      `kind: bot\nversion: v1\nmetadata: { name: builder, revision: "${revision}" }\nspec: { roles: [${roles}] }\n`
    const [{ metadata }] = JSON.parse((await stack.admin('get', 'bot', 'builder', '--json')).stdout) as [
      { metadata: { revision: string } },
    ]
    await stack.apply(bot(metadata.revision, ''))
    assert.match(await refuse(bot(metadata.revision, 'everything')), /revision/)
  })
})
