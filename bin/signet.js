#!/usr/bin/env node
// Plain JavaScript that any recent Node can parse (decision 0001): it finds a runtime that is new enough, or
// prints one clear sentence.
import module from 'node:module'

// Not imported: Node would make a module of each of its own, with all that it offers.
const require = module.createRequire(import.meta.url)
const { existsSync, readFileSync, statSync } = require('node:fs')
const path = require('node:path')
const { fileURLToPath, pathToFileURL } = require('node:url')

const FLOOR = [24, 15]

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1])
}

/** The clone brings its own Node as a development dependency; a published package has none. */
function cloneRuntime() {
  const node = path.join(root, 'node_modules', 'node', 'bin', 'node')
  return existsSync(node) && !process.env.SIGNET_RUNTIME_FOUND ? node : undefined
}

/** Becomes the other runtime where Node can; else runs it as a child that gets our signals, and ends as it ends. */
async function continueOn(node) {
  const args = [
    '--disable-sigusr1',
    ...process.execArgv,
    fileURLToPath(import.meta.url),
    ...process.argv.slice(2),
  ]
  const env = Object.assign({}, process.env, { SIGNET_RUNTIME_FOUND: '1' })
  if (typeof process.execve === 'function') process.execve(node, [node, ...args], env)
  const { spawn } = await import('node:child_process')
  const child = spawn(node, args, { stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR2']) {
    process.on(signal, () => child.kill(signal))
  }
  child.on('error', (error) => fail(`cannot run ${node}: ${error.message}`))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function fail(sentence) {
  process.stderr.write(`signet: ${sentence}\n`)
  process.exit(78) // EX_CONFIG
}

/** Compiled code is kept beside the code itself, where nobody can write who could not change the code as well. */
function compiledCodeDirectory() {
  const above = path.dirname(root) // the node_modules of whoever has installed us as a package
  const beside = path.join(root, 'node_modules')
  const modules = existsSync(beside) ? beside : path.basename(above) === 'node_modules' ? above : undefined
  if (modules === undefined) return undefined
  const cache = path.join(modules, '.cache')
  const kept = path.join(cache, 'signet')
  return [modules, cache, kept].some(isOpenToAll) ? undefined : kept
}

function isOpenToAll(directory) {
  const status = statSync(directory, { throwIfNoEntry: false })
  return status !== undefined && (status.mode & 0o002) !== 0
}

/** In a clone: whether the program was made of exactly the sources that are there. One that everybody could write is none of ours. */
function isBuiltFromSource(program) {
  const dist = path.join(root, 'dist')
  try {
    const files = JSON.parse(readFileSync(path.join(dist, 'cli', `${program}.from.json`), 'utf8'))
    return (
      ![dist, path.join(dist, 'cli'), path.join(dist, 'chunks')].some(isOpenToAll) &&
      files.every(([file, size, changedMs]) => {
        const status = statSync(path.join(root, file))
        return status.size === size && status.mtimeMs === changedMs
      })
    )
  } catch {
    return false // never made, or a source is gone
  }
}

const DAEMONS = { agent: 'agent-daemon', authority: 'authority-daemon' }

function run() {
  const kept = compiledCodeDirectory()
  if (kept) module.enableCompileCache(kept) // which goes without when it cannot write there
  const [noun, verb] = process.argv.slice(2)
  const program = (verb === 'run' && DAEMONS[noun]) || 'main'
  const source = path.join(root, 'src', 'cli', `${program}.ts`)
  const built = path.join(root, 'dist', 'cli', `${program}.js`)
  const file = !existsSync(source) || isBuiltFromSource(program) ? built : source
  if (!existsSync(path.join(root, 'node_modules')) && existsSync(source)) {
    fail(`the dependencies are not installed: run npm ci in ${root}`)
  }
  delete process.env.SIGNET_RUNTIME_FOUND
  void import(pathToFileURL(file).href).then(({ main }) => main(process.argv.slice(2)))
}

// By default SIGUSR1 opens Node's debugger on loopback, where every user of the machine can read this program's memory.
process.on('SIGUSR1', () => {})
// These would end it at once while its parts are being loaded, before it has handlers of its own.
if (process.argv[3] === 'run') process.on('SIGHUP', () => {}).on('SIGUSR2', () => {})

if (isNewEnough(process.versions.node)) run()
else {
  const node = cloneRuntime()
  if (node) void continueOn(node)
  else {
    fail(
      `needs Node ${FLOOR.join('.')} or newer, and this is ${process.versions.node}` +
        (existsSync(path.join(root, 'package-lock.json')) ? `: run npm ci in ${root}, which brings one` : ''),
    )
  }
}
