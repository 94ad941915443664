import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

/**
 * Finds files of src/ that no other file imports, exports that no other file imports, and exports of
 * src/ that only tests use. What its own file uses may be exported for tests.
 */
const root = path.resolve(import.meta.dirname, '..')

/** Entry points. */
const ENTRIES = new Set([
  'src/cli/main.ts',
  'src/cli/agent-daemon.ts',
  'src/cli/authority-daemon.ts',
  'src/client/main.ts',
  'src/agent/attestation/digest-worker.ts',
])

/** Exports that are meant for tests. */
const FOR_TESTS = new Set(['silentLogger'])

const EXPORT = /^export (?:abstract )?(?:async )?(?:class|function\*?|const|interface|type) (\w+)/gm
const RE_EXPORT = /^export \{([^}]*)\}/gm
const STATIC =
  /(?:^import|^export|\bimport) (?:type )?(?:\w+, )?(\{[^}]*\}|\* as \w+|\w+)\s+from '(\.[^']+)'/gm
const DYNAMIC = /(?:(\{[^{}]*\}) = await )?(?:\bimport\(|^import )\s*'(\.[^']+)'/gm

const names = globSync('{src,test,tools,bin,deploy}/**/*.{ts,js}', {
  cwd: root,
  exclude: ['**/node_modules/**'],
})
const files = new Map(names.map((name) => [name, readFileSync(path.join(root, name), 'utf8')]))

/** The importers of each name of each file; `*` stands for all names. */
const importers = new Map<string, Map<string, Set<string>>>()
for (const [file, text] of files) {
  for (const pattern of [STATIC, DYNAMIC]) {
    for (const [, clause = '*', target = ''] of text.matchAll(pattern)) {
      const from = path.join(path.dirname(file), target)
      const known = importers.get(from) ?? new Map<string, Set<string>>()
      importers.set(from, known)
      for (const name of clause.startsWith('{') ? wordsOf(clause) : ['*']) {
        known.set(name, (known.get(name) ?? new Set()).add(file))
      }
    }
  }
}

function wordsOf(clause: string): string[] {
  return clause
    .slice(1, -1)
    .split(',')
    .map((part) => part.trim().replace(/^type /, ''))
    .filter((part) => part !== '')
    .map((part) => /^\w+/.exec(part)?.[0] ?? part)
}

const isOurs = (file: string): boolean => file.startsWith('src/') || file.startsWith('tools/')
const isChecked = (file: string): boolean =>
  /^(?:src|tools|test)\//.test(file) &&
  !/\.d\.ts$|\.test\.ts$/.test(file) &&
  !file.startsWith('src/rpc/gen/') &&
  !ENTRIES.has(file)

const found: string[] = []
for (const [file, text] of files) {
  if (!isChecked(file)) continue
  const isProduct = file.startsWith('src/')
  const known = importers.get(file)
  if (isProduct && ![...(known?.values() ?? [])].some((by) => [...by].some(isOurs)))
    found.push(`${file}: no file imports it`)
  if (known?.has('*')) continue
  const exported = [...text.matchAll(EXPORT)].map(([, name = '']) => name)
  const again = [...text.matchAll(RE_EXPORT)].flatMap(([, clause = '']) => wordsOf(`{${clause}}`))
  for (const name of [...exported, ...again]) {
    const by = [...(known?.get(name) ?? [])]
    const isUsedHere = (text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0) > 1
    if (FOR_TESTS.has(name)) continue
    if (by.length === 0)
      found.push(`${file}: no file imports ${name}${isUsedHere ? ': do not export it' : ''}`)
    else if (isProduct && !isUsedHere && !by.some(isOurs)) found.push(`${file}: only tests use ${name}`)
  }
}
for (const line of found.sort()) process.stdout.write(`${line}\n`)
if (found.length > 0) process.exitCode = 1
