#!/usr/bin/env node
// Plain JavaScript that any recent Node can parse (decision 0001). It finds a Node that is new
// enough, or prints one clear sentence.
import module from 'node:module'

// Not imported: for an import Node evaluates everything that the module exports.
const require = module.createRequire(import.meta.url)
const { existsSync, readdirSync, readFileSync, statSync } = require('node:fs')
const path = require('node:path')
const { fileURLToPath, pathToFileURL } = require('node:url')

const FLOOR = [24, 15]

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1])
}

/** A clone has its own Node as a development dependency; a published package does not. */
function cloneRuntime() {
  const node = path.join(root, 'node_modules', 'node', 'bin', 'node')
  return existsSync(node) && !process.env.SIGNET_RUNTIME_FOUND ? node : undefined
}

/**
 * Continues on another Node: with execve where possible, else in a child process that gets our
 * signals and whose exit status becomes ours.
 */
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

/**
 * Returns the directory of the compile cache, beside the code: only users who can change the code
 * can write there.
 */
function compiledCodeDirectory() {
  const above = path.dirname(root) // the node_modules of the project that installed this package
  const beside = path.join(root, 'node_modules')
  const modules = existsSync(beside) ? beside : path.basename(above) === 'node_modules' ? above : undefined
  if (modules === undefined) return undefined
  const cache = path.join(modules, '.cache')
  const kept = path.join(cache, 'signet')
  try {
    // one for each version of Node and each user
    const inside = existsSync(kept) ? readdirSync(kept).map((name) => path.join(kept, name)) : []
    return [modules, cache, kept, ...inside].some(isOpenToAll) ? undefined : kept
  } catch {
    return undefined // this user may not read it
  }
}

/** Node makes the directories at once, with the umask of the program, and the files for their user only. */
function keepCompiledCode(kept) {
  const umask = process.umask()
  process.umask(umask | 0o022)
  module.enableCompileCache(kept) // Node ignores a directory that is not writable
  process.umask(umask)
}

function isOpenToAll(directory) {
  const status = statSync(directory, { throwIfNoEntry: false })
  return status !== undefined && (status.mode & 0o002) !== 0
}

/**
 * Returns whether a program in dist/ is up to date with its sources in a clone. A dist/ that every
 * user can write is not trusted.
 */
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
    return false // never built, or a source is gone
  }
}

/** Loads a program: what was built of it, or its sources. */
function load(program) {
  const source = path.join(root, 'src', 'cli', `${program}.ts`)
  const built = path.join(root, 'dist', 'cli', `${program}.js`)
  const file = !existsSync(source) || isBuiltFromSource(program) ? built : source
  return import(pathToFileURL(file).href)
}

/** Commands that are programs by themselves. */
const DAEMONS = { 'agent run': 'agent-daemon', 'authority run': 'authority-daemon' }

async function run() {
  const kept = compiledCodeDirectory()
  if (kept) keepCompiledCode(kept)
  if (!existsSync(path.join(root, 'node_modules')) && existsSync(path.join(root, 'src'))) {
    fail(`the dependencies are not installed: run npm ci in ${root}`)
  }
  delete process.env.SIGNET_RUNTIME_FOUND
  const words = process.argv.slice(2)
  const daemon = DAEMONS[words.slice(0, 2).join(' ')]
  if (daemon !== undefined && (await (await load(daemon)).main(words))) return
  const { main } = await load('main')
  await main(words)
}

// By default SIGUSR1 opens Node's debugger on loopback, where every local user can read this
// program's memory.
process.on('SIGUSR1', () => {})
// Without handlers these signals would end the program while it is still loading.
if (process.argv[3] === 'run') process.on('SIGHUP', () => {}).on('SIGUSR2', () => {})

if (isNewEnough(process.versions.node)) void run()
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
