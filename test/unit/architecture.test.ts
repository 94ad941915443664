import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'

/** Which folder of src/ may import which. A folder may always import itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  foundation: [],
  types: [],
  crypto: ['foundation'],
  peer: ['foundation'],
  spiffe: ['foundation', 'crypto'],
  policy: ['foundation', 'crypto', 'peer', 'spiffe'],
  rpc: ['foundation', 'crypto', 'peer', 'spiffe'],
  config: ['foundation', 'crypto', 'peer', 'spiffe'],
  authority: ['foundation', 'crypto', 'peer', 'spiffe', 'policy', 'rpc', 'config'],
  agent: ['foundation', 'crypto', 'peer', 'spiffe', 'policy', 'rpc', 'config'],
  client: ['foundation', 'crypto', 'spiffe', 'rpc'],
  cli: ['foundation', 'crypto', 'peer', 'spiffe', 'policy', 'rpc', 'config', 'authority', 'agent', 'client'],
}

/** Packages and built-in modules that belong to one place; a place is a folder or a file of src/. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  '@grpc/grpc-js': ['rpc/', 'client/'],
  '@peculiar/x509': ['crypto/'],
  'reflect-metadata': ['crypto/'],
  jose: ['crypto/'],
  kysely: ['authority/datastore/'],
  pg: ['authority/datastore/'],
  'node:sqlite': ['authority/datastore/sqlite/', 'authority/datastore/seals/'],
  koffi: ['peer/'],
  '@marcbachmann/cel-js': ['policy/'],
  re2js: ['policy/'],
  '@grpc/proto-loader': ['rpc/'],
  protobufjs: ['rpc/'],
  pino: ['foundation/logger.ts'],
  '@prometheus-io/client': ['foundation/metrics.ts'],
  zod: ['config/'],
  yaml: ['config/'],
  commander: ['cli/'],
  'node:child_process': ['agent/outputs/', 'cli/commands/trial/', 'cli/commands/run/'],
}

/** Expressions that belong to one place. */
const WRITTEN_ONLY_IN: readonly { readonly what: RegExp; readonly where: readonly string[] }[] = [
  { what: /\bconsole\.\w+\(/, where: ['cli/'] },
  // Whatever is shown goes through what makes it harmless.
  { what: /\bprocess\.std(?:out|err)\.write\(/, where: ['cli/output.ts'] },
  { what: /\bprocess\.exitCode\b/, where: ['cli/'] },
  { what: /\bprocess\.env\b/, where: ['cli/', 'config/', 'client/endpoint.ts'] },
  { what: /\bDate\.now\(\)|\bnew Date\(\)/, where: ['foundation/clock.ts'] },
  { what: /\bthrow new Error\(/, where: [] },
  { what: /\bexport default\b/, where: [] },
  // Everything else goes through the query builder, which knows the dialect of the engine.
  {
    what: /\b(?:SELECT\s[^'`]*?\sFROM|INSERT\sINTO|DELETE\sFROM|UPDATE\s\S+\sSET)\s/,
    where: ['authority/datastore/sqlite/', 'authority/datastore/seals/'],
  },
]

const MAX_FILE_LINES = 400

const src = path.resolve(import.meta.dirname, '../../src')
const files = globSync(`${src}/**/*.ts`).map((file) => {
  const name = path.relative(src, file)
  return { file, name, folder: name.split(path.sep)[0] ?? '', text: readFileSync(file, 'utf8') }
})
const written = files.filter(({ name }) => !name.startsWith('rpc/gen/'))
const isIn = (name: string, places: readonly string[]): boolean =>
  places.some((place) => name.startsWith(place))

function imports(text: string): string[] {
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)
  return [...found].map(([, target]) => target ?? '')
}

/** `@scope/name/deep` → `@scope/name`; `node:fs/promises` stays apart from `node:fs` on purpose: both begin alike. */
function packageOf(target: string): string {
  const parts = target.split('/')
  return target.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '')
}

describe('the order of the folders', () => {
  for (const { file, name, folder, text } of written) {
    it(`${name} imports only what its folder may`, () => {
      for (const target of imports(text)) {
        if (target.startsWith('.')) {
          const to = path.relative(src, path.resolve(path.dirname(file), target)).split(path.sep)[0] ?? ''
          if (to === '..') continue
          assert.ok(
            folder === to || MAY_IMPORT[folder]?.includes(to),
            `${folder}/ must not import ${to}/ (${target})`,
          )
        } else {
          const places = ONLY_IN[packageOf(target)]
          assert.ok(places === undefined || isIn(name, places), `${target} belongs to ${places?.join(', ')}`)
        }
      }
    })
  }
})

describe('what belongs to one place', () => {
  for (const { name, text } of written) {
    it(`${name} touches only what it may`, () => {
      const code = text.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, '')
      for (const { what, where } of WRITTEN_ONLY_IN) {
        assert.ok(
          isIn(name, where) || !what.test(code),
          `${what} belongs to ${where.join(', ') || 'no file'}`,
        )
      }
    })
  }
})

describe('the size of files', () => {
  for (const { name, text } of written) {
    it(`${name} has at most ${MAX_FILE_LINES} lines`, () => {
      assert.ok(text.split('\n').length - 1 <= MAX_FILE_LINES, 'a missing noun?')
    })
  }
})
