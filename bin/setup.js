// Sets up a clone: installs what package-lock.json names, if it is not there yet. Runs on Node 20 and newer, before npm scripts.
// With --link (from `prepare`, thus inside `npm ci`) it only makes `npx --no-install signet` work.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const modules = path.join(root, 'node_modules')
const stamp = path.join(modules, '.signet-setup')
const runtime = path.join(modules, 'node', 'bin', 'node')

/** Says what node_modules was installed from. `npm ci` removes it together with the rest. */
function fingerprint() {
  const lock = fs.readFileSync(path.join(root, 'package-lock.json'))
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform} ${process.arch}\n`
}

/**
 * The package `node` downloads its binary in an install script, outside of what package-lock.json has hashes for. Nothing else runs it
 * before this; one that is not expected is removed, so that nothing runs it afterwards either.
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
    return false // no stamp: nothing installed, or an install that was cut short
  }
}

/** npm links the commands of packages, not the clone's own. */
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

/** npm runs on the Node it was started with: the one in node_modules is about to be replaced. */
function npm(args) {
  const cli = process.env.npm_execpath
  const node = process.env.npm_node_execpath
  const [command, first] = cli && node ? [node, [cli]] : ['npm', []]
  // npm hands its own settings to scripts through the environment; a nested npm must not take `start` or `test` for its own.
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
  if (!isUpToDate()) link() // scripts are forbidden here, so `prepare` did not run
  if (!runs(runtime)) installRuntime()
  process.stderr.write(`signet: installed in ${Math.round((Date.now() - started) / 1000)} s\n`)
}

/** Where install scripts are forbidden, the development dependency `node` is there without its binary. */
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

/** One set-up at a time in one clone. The lock appears whole, with the process that holds it; in the clone, where nobody else can put one. */
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
    fs.rmSync(mine, { force: true }) // the lock is the same file under another name
  }
  task()
}

/** Under a lock of its own: else two could see the same dead holder, and the slower one would remove the lock of the quicker. */
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

/** Where the bundler is not there for this platform, everything runs from source, a little slower. */
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
