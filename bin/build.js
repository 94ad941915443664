// Bundles the program into dist/, in lazily loaded parts, so that a start reads about ten files
// instead of two hundred. A published package contains only this. In a clone, bin/signet.js uses it
// if it was built from exactly the current sources. Runs on Node 20 and newer.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const dist = path.join(root, 'dist')

/** What dist/ was built from: each file with its size and modification time. */
export const BUILT_FROM = path.join(dist, 'built-from.json')

/** Returns whether dist/ is up to date with the sources. */
export function isBuilt() {
  try {
    const files = JSON.parse(fs.readFileSync(BUILT_FROM, 'utf8'))
    return files.every(([file, size, changedMs]) => {
      const status = fs.statSync(path.join(root, file))
      return status.size === size && status.mtimeMs === changedMs
    })
  } catch {
    return false // never built, or a source is gone
  }
}

/**
 * Text whose characters all fit in one byte takes half as much memory, once for each program that
 * runs. esbuild escapes everything else; what is left here stands in comments.
 */
function inOneByte(file) {
  return file.path.endsWith('.js') ? file.text.replaceAll(/[\u0080-\uffff]/g, '?') : file.contents
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
  const { outputFiles, metafile } = await bundle({
    absWorkingDir: root,
    entryPoints: ['src/cli/main.ts', 'src/client/main.ts'],
    outdir: 'dist',
    outbase: 'src',
    // two levels below the root, like the sources that look for package.json
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node24',
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    write: false,
    logLevel: 'warning',
  })
  if (isAlone) fs.rmSync(dist, { recursive: true, force: true })
  else fs.rmSync(BUILT_FROM, { force: true })
  const sources = Object.keys(metafile.inputs).map((file) => {
    const { size, mtimeMs } = fs.statSync(path.join(root, file))
    return [file, size, mtimeMs]
  })
  for (const file of outputFiles) writeWhole(file.path, inOneByte(file))
  writeWhole(BUILT_FROM, JSON.stringify(sources))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build({ isAlone: true })
