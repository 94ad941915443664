import assert from 'node:assert/strict'
import path from 'node:path'
import { describe, it } from 'node:test'
import { COMMANDS, loadCommand } from '../../src/cli/command-catalogue.ts'
import { callsIn, flagsOf, mistakeIn, wordsOfCall } from '../../tools/documents/calls.ts'
import { listFiles, missingFiles } from '../../tools/documents/files.ts'
import { anchorsOf, brokenLinks } from '../../tools/documents/links.ts'
import { readDocument, readDocuments } from '../../tools/documents/read.ts'

const root = path.resolve(import.meta.dirname, '../..')
const documents = readDocuments()
const files = listFiles(root)

/** Flags of other programs: Node, npx, Docker, and the examples for mutual TLS. */
const FLAGS_OF_OTHERS = new Set([
  '--inspect',
  '--heapsnapshot-signal',
  '--tls-keylog',
  '--no-install',
  '--user',
  '--cgroup-parent',
  '--peer',
  '--help',
])

describe('the help of a command', () => {
  for (const entry of COMMANDS) {
    it(`${entry.path.join(' ')} shows examples that it accepts itself`, async () => {
      const examples = (await loadCommand(entry)).examples
      assert.ok(examples.length > 0, 'no example')
      for (const example of examples) {
        const words = wordsOfCall(example)
        assert.ok(words !== undefined, `${example} does not call signet`)
        assert.equal(await mistakeIn(words), undefined, example)
      }
    })
  }
})

describe('the documents', async () => {
  const flags = new Set((await Promise.all(COMMANDS.map(flagsOf))).flatMap((known) => [...known]))
  const { scripts } = JSON.parse(readDocument('package.json'))

  for (const document of documents) {
    const { name, text } = document

    it(`${name} has working links`, () => {
      assert.deepEqual(brokenLinks(document, documents, root), [])
    })

    // A changelog may name what no longer exists.
    it(`${name} names existing files`, { skip: name === 'CHANGELOG.md' }, () => {
      assert.deepEqual(missingFiles(document, files), [])
    })

    it(`${name} calls signet correctly`, async () => {
      for (const call of new Set(callsIn(document))) {
        assert.equal(await mistakeIn(wordsOfCall(call) ?? []), undefined, call)
      }
    })

    it(`${name} names existing flags`, () => {
      const named = Array.from(text.matchAll(/`(--[a-z][a-z-]+)[ =\w]*`/g), ([, flag = '']) => flag)
      assert.deepEqual(
        named.filter((flag) => !flags.has(flag) && !FLAGS_OF_OTHERS.has(flag)),
        [],
      )
    })

    // Tables, code and links cannot be wrapped. The changelog has one line per entry.
    it(`${name} has lines of at most 110 columns`, { skip: name === 'CHANGELOG.md' }, () => {
      const written = text.replaceAll(/^```[\s\S]*?^```$|^<!-- gen[\s\S]*?^<!-- \/gen/gm, '').split('\n')
      const breakable = written.filter((line) => !/^\||^\s*(?:[-*] )?\S+$/.test(line))
      assert.deepEqual(
        breakable.filter((line) => [...line].length > 110),
        [],
      )
    })

    it(`${name} names existing scripts of package.json`, () => {
      const called = Array.from(
        text.matchAll(/`npm (?:run ([a-z-]+)|(start|test))\b[^`]*`/g),
        ([, run, other]) => run ?? other ?? '',
      )
      assert.deepEqual(
        called.filter((script) => !Object.hasOwn(scripts, script)),
        [],
      )
    })
  }

  it('are linked from README.md or docs/README.md', () => {
    const start = documents.filter(({ name }) => name === 'README.md' || name === 'docs/README.md')
    const linked = start.flatMap(({ name, text }) =>
      Array.from(text.matchAll(/\]\(([^)#\s]+)/g), ([, target = '']) =>
        path.posix.join(path.posix.dirname(name), target),
      ),
    )
    const pages = documents.map(({ name }) => name).filter((name) => /^docs\/(?!decisions\/)/.test(name))
    assert.deepEqual(
      pages.filter((name) => !linked.includes(name)),
      [],
    )
  })

  it('map every folder of src/', () => {
    const folders = new Set(files.flatMap((file) => /^src\/(\w+)\//.exec(file)?.[1] ?? []))
    const [, map = ''] =
      /## Map of the code\n\n```\n([\s\S]*?)```/.exec(readDocument('docs/development.md')) ?? []
    const mapped = Array.from(map.matchAll(/^ {2}(\w+)\//gm), ([, folder = '']) => folder)
    assert.deepEqual(mapped.sort(), [...folders].filter((folder) => folder !== 'types').sort())
  })

  it('keep README.md short', () => {
    assert.ok(readDocument('README.md').split('\n').length <= 250)
  })
})

describe('an anchor', () => {
  it('is the one that GitHub makes', () => {
    const text = '# What is `signet`, and what not?\n## Two\n```sh\n# no heading\n```\n## Two\n'
    assert.deepEqual(anchorsOf({ name: 'x.md', text }), ['what-is-signet-and-what-not', 'two', 'two-1'])
  })
})
