// Bundles the program into dist/, by lazy parts: a start then reads some ten files instead of two hundred. What is published has nothing
// else; in a clone bin/signet.js takes it as long as it was made of exactly the sources that are there. Runs on Node 20 and newer.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const dist = path.join(root, 'dist')

/** What dist/ was made of: each file with its size and the time of its last change. */
export const BUILT_FROM = path.join(dist, 'built-from.json')

/** Whether dist/ is what the sources would become. */
export function isBuilt() {
  try {
    const files = JSON.parse(fs.readFileSync(BUILT_FROM, 'utf8'))
    return files.every(([file, size, changedMs]) => {
      const status = fs.statSync(path.join(root, file))
      return status.size === size && status.mtimeMs === changedMs
    })
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
  const { outputFiles, metafile } = await bundle({
    absWorkingDir: root,
    entryPoints: ['src/cli/main.ts', 'src/client/main.ts'],
    outdir: 'dist',
    outbase: 'src',
    chunkNames: 'chunks/[name]-[hash]', // two steps below the root, as the sources that look for package.json
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
  for (const { path: file, contents } of outputFiles) writeWhole(file, contents)
  writeWhole(BUILT_FROM, JSON.stringify(sources))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build({ isAlone: true })
