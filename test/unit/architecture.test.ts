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

/**
 * Which subfolder may import which, within these folders. All subfolders share the files in the
 * folder itself, except the composition roots, which nothing inside imports. A new subfolder gets a
 * line here.
 */
const MAY_IMPORT_WITHIN: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  authority: {
    datastore: [],
    audit: ['datastore'],
    keys: ['audit', 'datastore'],
    bots: ['audit', 'datastore', 'keys'],
    join: ['audit', 'bots', 'datastore', 'keys'],
    resources: ['audit', 'datastore', 'join'],
    issuance: ['audit', 'bots', 'keys', 'resources'],
    backup: ['audit', 'datastore'],
    api: ['audit', 'backup', 'bots', 'datastore', 'issuance', 'join', 'keys', 'resources'],
  },
  agent: {
    attestation: [],
    state: [],
    // These three talk to the authority, and `uplink` also composes the other two.
    uplink: ['attestation', 'join', 'state', 'svid-cache', 'sync'],
    join: ['state', 'uplink'],
    sync: ['uplink'],
    report: ['sync', 'uplink'],
    'svid-cache': ['attestation', 'sync'],
    entitlement: ['attestation', 'report', 'svid-cache', 'sync'],
    'workload-api': ['attestation', 'entitlement', 'report', 'svid-cache', 'sync'],
    sds: ['entitlement', 'report', 'svid-cache', 'sync', 'workload-api'],
    condition: ['state', 'svid-cache', 'sync', 'uplink'],
    admin: ['attestation', 'condition', 'entitlement', 'state', 'svid-cache', 'sync', 'uplink'],
  },
  cli: { commands: [] },
  config: { 'resource-kinds': [], 'join-methods': [], envoy: [] },
  policy: { attributes: [] },
  rpc: { gen: [], messages: [], 'host-rewriting': [], plain: ['host-rewriting'] },
}
const ROOTS = new Set(['authority/authority.ts', 'agent/agent.ts'])

/**
 * Where each package and some built-in modules are used: in a folder or a file of src/. A new package
 * gets a line here.
 */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  '@grpc/grpc-js': ['rpc/', 'client/'],
  '@peculiar/x509': ['crypto/'],
  'reflect-metadata': ['crypto/'],
  jose: ['crypto/key-set-verifier.ts'],
  kysely: ['authority/datastore/'],
  pg: ['authority/datastore/'],
  'node:sqlite': ['authority/datastore/sqlite/', 'authority/datastore/seals/'],
  koffi: ['peer/'],
  '@marcbachmann/cel-js': ['policy/'],
  re2js: ['policy/'],
  '@grpc/proto-loader': ['rpc/gen/'],
  protobufjs: ['rpc/reflection.ts'],
  pino: ['foundation/logger.ts'],
  zod: ['config/'],
  yaml: ['config/'],
  'node:http': ['client/'],
  'node:https': ['client/'],
  'node:http2': ['rpc/'],
  'node:tls': ['rpc/', 'client/', 'authority/listener.ts'],
  'node:worker_threads': ['agent/attestation/'],
  'node:inspector': ['cli/'],
  'node:v8': ['cli/'],
  'node:vm': ['cli/'],
  'node:child_process': ['agent/outputs/', 'cli/commands/trial/', 'cli/commands/run/'],
}

/**
 * The six packages that Signet is built on, and what each does at run time. Those marked `late` are
 * not loaded at startup.
 */
const PARTS: Readonly<
  Record<string, { readonly where: string; readonly what: string; readonly late?: true }>
> = {
  '@grpc/grpc-js': { where: 'src/rpc/client.ts', what: 'the calls of agents to the authority' },
  '@grpc/proto-loader': {
    where: 'tools/generate.ts',
    what: 'the message types, from the .proto files',
    late: true,
  },
  '@peculiar/x509': { where: 'src/crypto/ca-certificate.ts', what: 'the certificates of CAs', late: true },
  jose: { where: 'src/crypto/key-set-verifier.ts', what: 'tokens and key sets of other issuers', late: true },
  protobufjs: { where: 'src/rpc/reflection.ts', what: 'descriptors, for server reflection', late: true },
  pino: { where: 'src/foundation/logger.ts', what: 'the log' },
}

/** Expressions that belong in one place. */
const WRITTEN_ONLY_IN: readonly { readonly what: RegExp; readonly where: readonly string[] }[] = [
  { what: /\bconsole\.\w+\(/, where: ['cli/'] },
  // Output goes through the functions that make it harmless.
  { what: /\bprocess\.std(?:out|err)\.write\(/, where: ['cli/output.ts'] },
  { what: /\bprocess\.exitCode\b/, where: ['cli/'] },
  { what: /\bprocess\.env\b/, where: ['cli/', 'config/', 'client/endpoint.ts'] },
  { what: /\bprocess\.(?:exit|kill)\(|\bprocess\.stdin\b/, where: ['cli/'] },
  { what: /\bprocess\.(?:on|once)\(/, where: ['cli/', 'foundation/logger.ts'] },
  { what: /\bDate\.now\(\)|\bnew Date\(\)|\bperformance\.now\(/, where: ['foundation/clock.ts'] },
  // Elsewhere time passes by the clock that is passed in, and tests need not wait.
  { what: /(?<!\.)\bset(?:Timeout|Interval)\(/, where: ['foundation/clock.ts', 'rpc/', 'client/', 'cli/'] },
  { what: /\bsystemClock\b/, where: ['foundation/clock.ts', 'rpc/', 'client/', 'cli/'] },
  { what: /\bMath\.random\(/, where: [] },
  // The datastore makes IDs of databases, which no test depends on.
  {
    what: /\brandom(?:Bytes|Int|UUID|FillSync)\(/,
    where: ['foundation/random.ts', 'crypto/', 'authority/datastore/'],
  },
  // Errors become statuses at the edge only.
  { what: /\btoStatus\(/, where: ['rpc/', 'authority/api/'] },
  { what: /\bthrow new Error\(/, where: [] },
  { what: /\bexport default\b/, where: [] },
  // An upper limit is called MAX, so that it can be found.
  { what: /\b(?:MOST|LONGEST|LARGEST|DEEPEST|HIGHEST)(?:_[A-Z]\w*)?\b/, where: [] },
  { what: /\bconst (?:[A-Z]+_)*LIMIT\b/, where: [] },
  // Everything else goes through the query builder, which knows the engine's dialect.
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
  const found = text.matchAll(
    /(?:\bfrom\s|\bimport\s|\b(?:import|require|createRequire\([^)]*\))\()\s*'([^']+)'/g,
  )
  return [...found].map(([, target]) => target ?? '')
}

/** `@scope/name/deep` → `@scope/name`, `node:fs/promises` → `node:fs`. */
function packageOf(target: string): string {
  const parts = target.split('/')
  return target.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '')
}

describe('imports between folders', () => {
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
          if (places === undefined && target.startsWith('node:')) continue
          assert.ok(places, `say in ONLY_IN where ${target} is used`)
          assert.ok(isIn(name, places), `${target} belongs to ${places.join(', ')}`)
        }
      }
    })
  }
})

describe('imports between subfolders', () => {
  for (const { file, name, text } of written) {
    const [top = '', sub = '', ...rest] = name.split(path.sep)
    const rules = MAY_IMPORT_WITHIN[top]
    if (rules === undefined || rest.length === 0) continue
    it(`${name} imports only what its subfolder may`, () => {
      const permitted = rules[sub]
      assert.ok(permitted, `say in MAY_IMPORT_WITHIN what ${top}/${sub}/ may import`)
      for (const target of imports(text).filter((each) => each.startsWith('.'))) {
        const imported = path.relative(src, path.resolve(path.dirname(file), target))
        const [toTop, toSub = '', ...toRest] = imported.split(path.sep)
        assert.ok(!ROOTS.has(imported), `${imported} composes the others and must not be imported by them`)
        if (toTop !== top || toRest.length === 0 || toSub === sub || permitted.includes(toSub)) continue
        assert.fail(`${top}/${sub}/ must not import ${top}/${toSub}/ (${target})`)
      }
    })
  }
})

/** Where messages of the wire are read and made. Other code has types of its own. */
const KNOWS_WIRE_TYPES = [
  'rpc/',
  'client/',
  'cli/',
  'authority/api/',
  ...['admin', 'join', 'report', 'sds', 'sync', 'uplink', 'workload-api'].map((sub) => `agent/${sub}/`),
]

describe('generated types', () => {
  for (const { name, text } of written.filter((each) => !isIn(each.name, KNOWS_WIRE_TYPES))) {
    it(`are not used by ${name}`, () => {
      assert.ok(!imports(text).some((target) => target.includes('/rpc/gen/')))
    })
  }
})

describe('modules', () => {
  it('do not import one another in a circle at run time', () => {
    const onlyTypes = /^import (?:type\b|\{(?:\s*type [^,}]+,?)+\s*\} from)/
    const edges = new Map(
      files.map(({ file, name, text }) => {
        const statements = text.match(/^(?:import|export)\b(?:[^'"]*? from)? '\.[^']+'/gm) ?? []
        const targets = imports(statements.filter((statement) => !onlyTypes.test(statement)).join('\n'))
        return [name, targets.map((to) => path.relative(src, path.resolve(path.dirname(file), to)))]
      }),
    )
    const done = new Set<string>()
    const visit = (name: string, way: readonly string[]): void => {
      assert.ok(!way.includes(name), `a circle: ${[...way, name].join(' → ')}`)
      if (done.has(name)) return
      for (const next of edges.get(name) ?? []) visit(next, [...way, name])
      done.add(name)
    }
    for (const name of edges.keys()) visit(name, [])
  })
})

describe('the names of files', () => {
  const root = path.resolve(src, '..')
  const names = globSync(['src', 'test', 'tools'].map((folder) => `${root}/${folder}/**/*.ts`))
    .map((file) => path.relative(root, file))
    .filter((name) => !name.startsWith('src/rpc/gen/'))

  it('are in kebab case', () => {
    const odd = names.filter(
      (name) => !/^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)+[a-z0-9-]+(?:\.test|\.d)?\.ts$/.test(name),
    )
    assert.deepEqual(odd, [])
  })

  it('say what is in them', () => {
    const vague = /(?:^|\/)(?:index|utils?|helpers?|common|misc)(?:\.ts$|\/)/
    assert.deepEqual(
      names.filter((name) => vague.test(name)),
      [],
    )
  })
})

describe('the packages that Signet is built on', () => {
  const root = path.resolve(src, '..')
  for (const [name, { where, what, late }] of Object.entries(PARTS)) {
    it(`${name} provides ${what} in ${where}`, () => {
      const text = readFileSync(path.join(root, where), 'utf8')
      const imported = new RegExp(`^import (?!type\\b)[^']*?from '${name}`, 'm').test(text)
      const loaded = new RegExp(
        `(?:import|createRequire\\([^)]*\\))\\('${name}|'proto-loader-gen-types'`,
      ).test(text)
      assert.ok(late ? loaded && !imported : imported, `${where} does not load ${name}${late ? ' late' : ''}`)
    })
    it(`${name} is a dependency and is named in the documents`, () => {
      const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
      assert.ok(manifest.dependencies[name])
      assert.ok(readFileSync(path.join(root, 'docs/development.md'), 'utf8').includes(`\`${name}\``))
    })
  }
})

describe('the dependencies', () => {
  it('are all used by the program or its tools', () => {
    const root = path.resolve(src, '..')
    const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
    const tools = globSync(`${root}/tools/**/*.ts`).map((file) => readFileSync(file, 'utf8'))
    const texts = [...files.map(({ text }) => text), ...tools]
    const unused = Object.keys(manifest.dependencies).filter(
      (name) => !texts.some((text) => imports(text).some((target) => packageOf(target) === name)),
    )
    assert.deepEqual(unused, [])
  })
})

describe('what belongs in one place', () => {
  for (const { name, text } of written) {
    it(`${name} uses only what it may`, () => {
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

/** Types that have the same name on both sides on purpose, and those of the flags of each command. */
const SAME_NAME = new Set(['JoinMethod', 'JoinMethods', 'Joining', 'Facts', 'Options'])

describe('the names of types', () => {
  it('that other files import are not used for another type', () => {
    const places = new Map<string, { readonly name: string; readonly isExported: boolean }[]>()
    for (const { name, text } of written) {
      for (const [, exported, type = ''] of text.matchAll(
        /^(export )?(?:interface|type|(?:abstract )?class) (\w+)/gm,
      )) {
        places.set(type, [...(places.get(type) ?? []), { name, isExported: exported !== undefined }])
      }
    }
    const twice = [...places].filter(
      ([type, at]) => !SAME_NAME.has(type) && at.length > 1 && at.some(({ isExported }) => isExported),
    )
    assert.deepEqual(
      twice.map(([type, at]) => `${type}: ${at.map(({ name }) => name).join(', ')}`),
      [],
      'give one of them another name',
    )
  })
})

/** Biome wraps code at this column, but leaves comments as they are. */
const MAX_COLUMNS = 110

/** Whether a line is, or ends with, a comment that is too long. Links and Biome's directives cannot wrap. */
function isLongComment(line: string): boolean {
  const isComment = /^\s*(?:\/\/|\/\*|\*)/.test(line) || /[;,{}()\]'`\w] \/\/ [^'"`]*$/.test(line)
  return isComment && line.length > MAX_COLUMNS && !/https?:\/\/|biome-ignore/.test(line)
}

describe('comments', () => {
  for (const folder of ['src', 'test', 'tools', 'bin']) {
    it(`in ${folder}/ have at most ${MAX_COLUMNS} columns`, () => {
      const root = path.join(src, '..')
      const long = globSync(`${root}/${folder}/**/*.{ts,js}`).flatMap((file) =>
        readFileSync(file, 'utf8')
          .split('\n')
          .flatMap((line, at) => (isLongComment(line) ? [`${path.relative(root, file)}:${at + 1}`] : [])),
      )
      assert.deepEqual(long, [], 'wrap these comments')
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
