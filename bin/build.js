// Bundles each program into dist/, by lazy parts: a start then reads some ten files instead of three hundred. What is published has
// nothing else; in a clone bin/signet.js takes it as long as it was made of exactly the sources that are there. Runs on Node 20 and newer.
import fs from 'node:fs'
import module from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const dist = path.join(root, 'dist')

/**
 * Each is bundled by itself, so that its start is in few files: parts that two of them share would be files of their own. The daemons
 * have these packages within them, which are some hundred files each.
 */
const PROGRAMS = {
  'cli/main': [],
  'cli/agent-daemon': ['pino', 'zod', 'yaml'],
  'cli/authority-daemon': ['pino', 'zod', 'yaml'],
  'client/main': [],
}

/** What a program was made of: each file with its size and the time of its last change. */
const builtFrom = (program) => path.join(dist, `${program}.from.json`)

/** Whether dist/ is what the sources would become. */
export function isBuilt() {
  try {
    return Object.keys(PROGRAMS).every((program) =>
      JSON.parse(fs.readFileSync(builtFrom(program), 'utf8')).every(([file, size, changedMs]) => {
        const status = fs.statSync(path.join(root, file))
        return status.size === size && status.mtimeMs === changedMs
      }),
    )
  } catch {
    return false // never made, or a source is gone
  }
}

/** Nobody sees half a file, also not a program that runs from dist/ meanwhile. */
function writeWhole(file, contents) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}`
  fs.writeFileSync(temporary, contents)
  fs.renameSync(temporary, file)
}

/** Parts of earlier builds stay, since programs may still run from them, unless nothing else is to be there. */
export async function build({ isAlone = false } = {}) {
  const { build: bundle } = await import('esbuild')
  const made = await Promise.all(
    Object.entries(PROGRAMS).map(async ([program, packages]) => {
      const { outputFiles, metafile } = await bundle({
        absWorkingDir: root,
        entryPoints: [`src/${program}.ts`],
        outdir: 'dist',
        outbase: 'src',
        chunkNames: 'chunks/[name]-[hash]', // two steps below the root, as the sources that look for package.json
        bundle: true,
        splitting: true,
        plugins: [otherPrograms(program), packagesWithin(packages), builtInModules()],
        format: 'esm',
        platform: 'node',
        target: 'node24',
        sourcemap: 'linked',
        sourcesContent: false,
        metafile: true,
        write: false,
        logLevel: 'warning',
      })
      return { program, outputFiles, files: Object.keys(metafile.inputs) }
    }),
  )
  if (isAlone) fs.rmSync(dist, { recursive: true, force: true })
  else for (const { program } of made) fs.rmSync(builtFrom(program), { force: true })
  for (const { program, outputFiles, files } of made) {
    const sources = sourcesOf(files).map((file) => {
      const { size, mtimeMs } = fs.statSync(path.join(root, file))
      return [file, size, mtimeMs]
    })
    for (const { path: file, contents } of outputFiles) writeWhole(file, contents)
    writeWhole(builtFrom(program), JSON.stringify(sources))
  }
}

/** Of a package its manifest stands for all of it: it changes with the version. */
function sourcesOf(files) {
  const real = files.filter((file) => !file.startsWith('built-in'))
  return [
    ...new Set(
      real.map((file) => file.replace(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\/.*/, '$1/package.json')),
    ),
  ]
}

/** Of all programs a process has only one, but that of a daemon may hand its command line over. */
function otherPrograms(own) {
  const entries = Object.keys(PROGRAMS).filter((program) => program !== own)
  return {
    name: 'other programs',
    setup({ onResolve }) {
      onResolve({ filter: /^\..*\.ts$/ }, ({ path: target, resolveDir }) => {
        const name = path.relative(path.join(root, 'src'), path.resolve(resolveDir, target)).slice(0, -3)
        return entries.includes(name) ? { path: `../${name}.js`, external: true } : undefined
      })
    },
  }
}

/** These packages, with what they need themselves, become part of the program; others stay where they are. */
function packagesWithin(names) {
  return {
    name: 'packages',
    setup({ onResolve }) {
      onResolve({ filter: /^[^.#/]/ }, ({ path: target, importer, kind }) => {
        if (kind === 'entry-point' || module.isBuiltin(target)) return undefined
        const isWithin =
          importer.includes('/node_modules/') ||
          names.some((name) => target === name || target.startsWith(`${name}/`))
        return isWithin ? undefined : { path: target, external: true }
      })
    },
  }
}

/**
 * Node makes a module of each of its own that is imported, for which it loads all that the other offers and few need. A program that asks
 * for them by name does without.
 */
function builtInModules() {
  const isBuiltIn = ({ path: name, kind }) => kind !== 'entry-point' && module.isBuiltin(name)
  return {
    name: 'built-in modules',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^[a-z]/ }, (asked) => {
        if (!isBuiltIn(asked)) return undefined
        const namespace = asked.kind === 'require-call' ? 'built-in-required' : 'built-in'
        return { path: asked.path.replace(/^(?:node:)?/, 'node:'), namespace, sideEffects: false }
      })
      onLoad({ filter: /./, namespace: 'built-in-required' }, ({ path: name }) => ({
        contents: `module.exports = process.getBuiltinModule('${name}')`,
      }))
      onLoad({ filter: /./, namespace: 'built-in' }, ({ path: name }) => ({
        contents: [
          `const all = process.getBuiltinModule('${name}')`,
          'export default all',
          ...[...importedNames(name)].map(
            (each) => `export const ${each} = /* @__PURE__ */ (() => all.${each})()`,
          ),
        ].join('\n'),
      }))
    },
  }
}

/** What any source imports of a built-in module. */
function importedNames(builtIn) {
  const names = new Set()
  for (const file of fs.readdirSync(path.join(root, 'src'), { recursive: true })) {
    if (!file.endsWith('.ts')) continue
    const text = fs.readFileSync(path.join(root, 'src', file), 'utf8')
    for (const [, list] of text.matchAll(
      new RegExp(`^import (?:\\w+, )?\\{([^}]*)\\} from '${builtIn}'`, 'gm'),
    )) {
      for (const each of list.split(',')) {
        const name = each.trim().split(' as ')[0]
        if (name !== '' && !name.startsWith('type ')) names.add(name)
      }
    }
  }
  return names
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build({ isAlone: true })
