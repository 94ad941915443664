import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { Command } from 'commander'
import { COMMANDS } from '../../src/cli/command-catalogue.ts'
import { parseAgentConfig } from '../../src/config/agent-config.ts'
import { parseAuthorityConfig } from '../../src/config/authority-config.ts'
import { type ParsedResource, parseResources } from '../../src/config/resources.ts'
import { compileWorkloadIdentity } from '../../src/policy/compile.ts'
import { checkRole } from '../../src/policy/role.ts'
import { examplesOf } from '../../tools/readme/from-values.ts'

const root = path.resolve(import.meta.dirname, '../..')
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8')
const readme = read('README.md')

/** Words of a line as a shell would see them, as far as examples need it; undefined when it does not call signet. */
function wordsOfCall(line: string): readonly string[] | undefined {
  const [, call] = /(?:^|[|] |[A-Z_]+=\S+ )signet((?: [^|<>&#]*)?)/.exec(line) ?? []
  return call?.match(/"[^"]*"|'[^']*'|\S+/g) ?? (call === undefined ? undefined : [])
}

/** Why the program would not understand this call, if it would not. */
async function mistakeIn(words: readonly string[]): Promise<string | undefined> {
  const entry = COMMANDS.find((one) => one.path.every((word, at) => words[at] === word))
  if (entry === undefined) return `there is no command ${words.slice(0, 2).join(' ')}`
  const command = new Command()
  ;(await entry.load()).define(command)
  const known = new Set([...command.options.flatMap(({ short, long }) => [short, long]), '--help'])
  const flags = words.filter((word) => /^--?[a-z]/.test(word))
  const unknown = flags.filter((flag) => !known.has(flag))
  return unknown.length === 0 ? undefined : `${entry.path.join(' ')} has no ${unknown.join(', ')}`
}

describe('the help of a command', () => {
  for (const entry of COMMANDS) {
    const name = entry.path.join(' ')
    it(`${name} shows examples that it understands itself`, async () => {
      const examples = await examplesOf(entry)
      assert.ok(examples.length > 0, 'no example')
      for (const example of examples) {
        const words = wordsOfCall(example)
        assert.ok(words !== undefined, `${example} does not call signet`)
        assert.equal(await mistakeIn(words), undefined, example)
      }
    })
  }
})

describe('README.md', () => {
  const fenced = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n'))
  const inline = Array.from(readme.matchAll(/`(signet [a-z][^`\n]*)`/g), ([, line = '']) => line)
  const nouns = new Set(COMMANDS.map((entry) => (entry.path.length > 1 ? entry.path[0] : '')))
  for (const line of new Set([...fenced, ...inline])) {
    const words = wordsOfCall(line.trim())
    if (words === undefined || words.length === 0) continue
    if (words.length === 1 && nouns.has(words[0] ?? '')) continue
    it(`calls signet as it is: ${line.trim()}`, async () => assert.equal(await mistakeIn(words), undefined))
  }

  const headings = Array.from(readme.matchAll(/^#+ (.*)$/gm), ([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
  for (const [, target = ''] of readme.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (target.startsWith('https://')) continue
    it(`links to something that is there: ${target}`, () => {
      if (target.startsWith('#')) assert.ok(headings.includes(target.slice(1)))
      else assert.ok(existsSync(path.join(root, target)))
    })
  }

  for (const [, script = ''] of readme.matchAll(/`npm (?:run )?(start|test|check|bench|interop)\b[^`]*`/g)) {
    it(`names a script of package.json: ${script}`, () => {
      assert.ok(Object.hasOwn(JSON.parse(read('package.json')).scripts, script))
    })
  }
})

describe('the files in deploy/examples', () => {
  it('are all checked here', () => {
    const found = globSync('deploy/examples/*', { cwd: root }).map((name) => path.basename(name))
    assert.deepEqual(found.sort(), ['agent.yaml', 'authority.yaml', 'mtls', 'resources.yaml'])
  })

  it('authority.yaml is a configuration', () => {
    const config = parseAuthorityConfig(read('deploy/examples/authority.yaml'), 'authority.yaml')
    assert.equal(config.trust_domain, 'example.org')
  })

  it('agent.yaml is a configuration', () => {
    const config = parseAgentConfig(read('deploy/examples/agent.yaml'), 'agent.yaml')
    assert.equal(config.join.method, 'secret')
  })

  it('resources.yaml has resources, whose rules hold', () => {
    const { resources, problems } = parseResources(read('deploy/examples/resources.yaml'), 'resources.yaml')
    assert.deepEqual(problems, [])
    const defaults = { trustDomain: 'example.org', x509TtlSeconds: 3600, jwtTtlSeconds: 300 }
    for (const resource of resources) {
      if (resource.kind === 'role') assert.deepEqual(checkRole((resource as ParsedResource<'role'>).spec), [])
      if (resource.kind !== 'workload_identity') continue
      const { name, labels, spec } = resource as ParsedResource<'workload_identity'>
      compileWorkloadIdentity({ name, revision: '1', labels, spec }, defaults)
    }
    assert.deepEqual([...new Set(resources.map(({ kind }) => kind))], ['role', 'bot', 'workload_identity'])
  })
})
