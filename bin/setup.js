// Sets up a clone: installs the packages of package-lock.json if necessary. Runs on Node 20 and
// newer, before npm scripts. With --link (from `prepare`, so inside `npm ci`) it only makes `npx
// --no-install signet` work.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const modules = path.join(root, 'node_modules')
const stamp = path.join(modules, '.signet-setup')
const runtime = path.join(modules, 'node', 'bin', 'node')

/** Identifies what node_modules was installed from. `npm ci` removes the stamp with everything else. */
function fingerprint() {
  const lock = fs.readFileSync(path.join(root, 'package-lock.json'))
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform} ${process.arch}\n`
}

/**
 * The package `node` downloads its binary in an install script, so package-lock.json has no hash
 * for it. Nothing runs the binary before this check, and an unexpected one is removed, so that
 * nothing runs it afterwards.
 */
function checkRuntime() {
  if (!fs.existsSync(runtime)) return
  const version = JSON.parse(fs.readFileSync(path.join(modules, 'node', 'package.json'), 'utf8')).version
  const name = `node-${version}-${process.platform}-${process.arch}`
  const expected = fs
    .readFileSync(path.join(root, 'bin', 'runtime.sha256'), 'utf8')
    .split('\n')
    .find((line) => line.endsWith(`  ${name}`))
  const found = createHash('sha256').update(fs.readFileSync(runtime)).digest('hex')
  if (expected === `${found}  ${name}`) return
  fs.rmSync(runtime)
  fail(
    expected === undefined
      ? `the downloaded runtime ${name} is not in bin/runtime.sha256; removed it`
      : `the downloaded runtime ${name} has SHA-256 ${found}, which is not that of bin/runtime.sha256; removed it`,
  )
}

function isUpToDate() {
  try {
    return fs.readFileSync(stamp, 'utf8') === fingerprint()
  } catch {
    return false // no stamp: nothing is installed, or an install was interrupted
  }
}

/** npm links only the commands of packages, not those of the clone itself. */
function link() {
  checkRuntime()
  const bin = path.join(modules, '.bin')
  const name = path.join(bin, 'signet')
  const target = path.join('..', '..', 'bin', 'signet.js')
  fs.mkdirSync(bin, { recursive: true })
  const temporary = `${name}.${process.pid}`
  fs.symlinkSync(target, temporary)
  fs.renameSync(temporary, name)
  fs.writeFileSync(stamp, fingerprint())
}

/** Runs npm on the Node that it was started with, because the one in node_modules is about to be replaced. */
function npm(args) {
  const cli = process.env.npm_execpath
  const node = process.env.npm_node_execpath
  const [command, first] = cli && node ? [node, [cli]] : ['npm', []]
  // npm passes its settings to scripts in environment variables. A nested npm must not interpret
  // those of `start` or `test`.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(lifecycle|package|command)/.test(name)),
  )
  return spawnSync(command, [...first, ...args], { cwd: root, env, encoding: 'utf8' })
}

function install() {
  const started = Date.now()
  process.stderr.write('signet: installing what it needs (npm ci) …\n')
  const done = npm(['ci', '--no-audit', '--no-fund'])
  if (done.status !== 0) {
    process.stderr.write(`${done.stdout ?? ''}${done.stderr ?? ''}`)
    fail(`npm ci failed (${done.error?.message ?? `status ${done.status}`}): is the npm registry reachable?`)
  }
  if (!isUpToDate()) link() // install scripts are disabled, so `prepare` did not run
  if (!runs(runtime)) installRuntime()
  process.stderr.write(`signet: installed in ${Math.round((Date.now() - started) / 1000)} s\n`)
}

/** Where install scripts are disabled, the development dependency `node` is installed without its binary. */
function installRuntime() {
  if (isNewEnough(process.versions.node)) return
  process.stderr.write(
    'signet: install scripts are off; running only that of the package node, which brings the runtime\n',
  )
  npm(['rebuild', '--ignore-scripts=false', 'node'])
  checkRuntime()
  if (!runs(runtime)) {
    fail('needs Node 24.15 or newer: install one, or allow the install script of the package node')
  }
}

function runs(node) {
  return spawnSync(node, ['--version']).status === 0
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > 24 || (major === 24 && minor >= 15)
}

/**
 * Allows one set-up at a time in a clone. The lock file appears atomically and contains the pid of
 * its holder. It is in the clone, where no other user can create one.
 */
function withLock(task) {
  const lock = path.join(root, '.signet-setup')
  const mine = `${lock}.${process.pid}`
  fs.rmSync(mine, { force: true })
  fs.writeFileSync(mine, String(process.pid), { flag: 'wx' })
  let said = false
  try {
    for (;;) {
      try {
        fs.linkSync(mine, lock)
        break
      } catch (error) {
        if (error.code !== 'EEXIST') throw error
      }
      if (isStale(lock)) removeStale(lock, mine)
      else {
        if (!said) process.stderr.write('signet: another set-up of this clone is running; waiting for it\n')
        said = true
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
      }
    }
    process.once('exit', () => fs.rmSync(lock, { force: true }))
  } finally {
    fs.rmSync(mine, { force: true }) // the lock is a hard link to it
  }
  task()
}

/**
 * Removes a lock whose holder is gone. This takes a lock of its own: otherwise, of two processes
 * that see the same dead holder, the slower one would remove the new lock of the faster one.
 */
function removeStale(lock, mine) {
  const guard = `${lock}.stale`
  try {
    fs.linkSync(mine, guard)
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    if (isStale(guard)) fs.rmSync(guard, { force: true })
    return
  }
  try {
    if (isStale(lock)) fs.rmSync(lock, { force: true })
  } finally {
    fs.rmSync(guard, { force: true })
  }
}

function isStale(lock) {
  try {
    process.kill(Number(fs.readFileSync(lock, 'utf8')), 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

function fail(sentence) {
  process.stderr.write(`signet: ${sentence}\n`)
  process.exit(1)
}

/**
 * Bundles the program. Where the bundler does not support the platform, everything runs from
 * source, a little slower.
 */
async function bundle() {
  if (!fs.existsSync(path.join(root, 'src', 'cli', 'main.ts'))) return
  try {
    const { build, isBuilt } = await import('./build.js')
    if (!isBuilt()) await build()
  } catch (error) {
    process.stderr.write(`signet: running from source, since it cannot be bundled: ${error.message}\n`)
  }
}

if (process.argv.includes('--link')) link()
else if (!isUpToDate()) {
  withLock(() => {
    if (!isUpToDate()) install()
  })
}
await bundle()
