// Bundles each program into dist/, in lazily loaded parts, so that a start reads about ten files
// instead of three hundred. A published package contains only this. In a clone, bin/signet.js uses it
// if it was built from exactly the current sources. Runs on Node 20 and newer.
import fs from 'node:fs'
import module from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const dist = path.join(root, 'dist')

/**
 * Each program is bundled by itself, because parts that two of them shared would be files of their
 * own, which a start would have to read. The daemons include the listed packages, of some hundred
 * files each.
 */
const PROGRAMS = {
  'cli/main': [],
  'cli/agent-daemon': ['pino', 'zod', 'yaml'],
  'cli/authority-daemon': ['pino', 'zod', 'yaml'],
  'client/main': [],
}

/** Returns the file that lists what a program was built from: files, their sizes and modification times. */
const builtFrom = (program) => path.join(dist, `${program}.from.json`)

/** Returns whether dist/ is up to date with the sources. */
export function isBuilt() {
  try {
    return Object.keys(PROGRAMS).every((program) =>
      JSON.parse(fs.readFileSync(builtFrom(program), 'utf8')).every(([file, size, changedMs]) => {
        const status = fs.statSync(path.join(root, file))
        return status.size === size && status.mtimeMs === changedMs
      }),
    )
  } catch {
    return false // never built, or a source is gone
  }
}

/**
 * Text whose characters all fit in one byte takes half as much memory, once for each program that
 * runs. esbuild escapes other characters in code, and leaves them in comments.
 */
function inOneByte(code) {
  return code.replace(/^ *(?:\/\/|\/?\*).*$/gm, (comment) => comment.replaceAll(/[\u0080-\uffff]/g, '?'))
}

/** Writes a file atomically, because a program may be running from dist/. */
function writeWhole(file, contents) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}`
  fs.writeFileSync(temporary, contents)
  fs.renameSync(temporary, file)
}

/**
 * Builds dist/. Chunks of earlier builds stay, because programs may still run from them, unless
 * `isAlone` is set.
 */
export async function build({ isAlone = false } = {}) {
  const { build: bundle } = await import('esbuild')
  const made = await Promise.all(
    Object.entries(PROGRAMS).map(async ([program, packages]) => {
      const sources = new Map()
      const { outputFiles } = await bundle({
        absWorkingDir: root,
        entryPoints: [`src/${program}.ts`],
        outdir: 'dist',
        outbase: 'src',
        // two levels below the root, like the sources that look for package.json
        chunkNames: 'chunks/[name]-[hash]',
        bundle: true,
        splitting: true,
        plugins: [noteSources(sources), otherPrograms(program), packagesWithin(packages)],
        format: 'esm',
        platform: 'node',
        target: 'node24',
        sourcemap: 'linked',
        sourcesContent: false,
        write: false,
        logLevel: 'warning',
      })
      return { program, outputFiles, sources }
    }),
  )
  if (isAlone) fs.rmSync(dist, { recursive: true, force: true })
  else for (const { program } of made) fs.rmSync(builtFrom(program), { force: true })
  for (const { program, outputFiles, sources } of made) {
    for (const { path: file, text } of outputFiles) {
      // the library keeps its imports, because its user may bundle or trace them
      const isOurs = file.endsWith('.js') && program !== 'client/main'
      writeWhole(file, isOurs ? withBuiltInsCalled(inOneByte(text)) : text)
    }
    writeWhole(builtFrom(program), JSON.stringify([...sources.values()]))
  }
  const included = new Set(
    made.flatMap(({ sources }) => [...sources.keys()]).filter((file) => IN_PACKAGE.test(file)),
  )
  writeWhole(path.join(dist, 'third-party-licences.txt'), licencesOf([...included].sort()))
}

const IN_PACKAGE = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\/.*/

/**
 * Notes size and modification time of each source before it is read: one that is edited during the
 * build differs from them afterwards. The manifest of a package stands for all its files, because it
 * changes with the version.
 */
function noteSources(sources) {
  return {
    name: 'sources',
    setup({ onLoad }) {
      onLoad({ filter: /./, namespace: 'file' }, ({ path: loaded }) => {
        const file = path.relative(root, loaded).replace(IN_PACKAGE, '$1/package.json')
        if (sources.has(file)) return
        const { size, mtimeMs } = fs.statSync(path.join(root, file))
        sources.set(file, [file, size, mtimeMs])
      })
    },
  }
}

/** Leaves the other programs out: that of all commands loads a daemon as the program that it is. */
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

/** Includes these packages and their dependencies. Others are loaded from node_modules. */
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
 * Replaces imports of Node's own modules in a bundle by calls, without changing its lines. For an import Node
 * evaluates everything that the module exports, which includes lazily loaded parts that few programs need.
 */
function withBuiltInsCalled(code) {
  const names = (list) => list.replace(/ as /g, ': ')
  return code
    .replace(
      /^import (?:(\w+)(?:, )?)?(\{[^}]*\})? from "(node:[\w/]+)";$/gm,
      (_, all, list, name) =>
        `const ${[all, list && names(list)]
          .filter(Boolean)
          .map((left) => `${left} = process.getBuiltinModule("${name}")`)
          .join(', ')};`,
    )
    .replace(/\b__require\("([\w:/]+)"\)/g, (call, name) =>
      module.isBuiltin(name) ? `process.getBuiltinModule("${name}")` : call,
    )
}

/** What the licences of the included packages ask for: their texts go with the copies. */
function licencesOf(manifests) {
  const texts = manifests.map((manifest) => {
    const directory = path.join(root, path.dirname(manifest))
    const { name, version, license } = JSON.parse(fs.readFileSync(path.join(root, manifest), 'utf8'))
    const file = fs.readdirSync(directory).find((each) => /^licen[cs]e/i.test(each))
    if (file === undefined) throw new Error(`${name} is included in dist/ and has no licence text`)
    return `${name} ${version} (${license})\n\n${fs.readFileSync(path.join(directory, file), 'utf8').trim()}\n`
  })
  return ['dist/ includes code of these packages.\n', ...texts].join(`\n${'-'.repeat(80)}\n\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build({ isAlone: true })
