import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sectionsOf } from './release/changelog.ts'
import { mistakesInPackage, obstaclesTo } from './release/ready.ts'

/**
 * `npm run release`: the steps of RELEASING.md that need no network. With --dry-run it only reports
 * obstacles.
 */

const root = path.resolve(import.meta.dirname, '..')
const out = path.join(root, 'release')
const isDryRun = process.argv.includes('--dry-run')
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8')

class StepFailedError extends Error {}

/** Runs a program and returns its output. */
function run(program: string, args: readonly string[], cwd = root): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (status !== 0) {
    throw new StepFailedError(`${program} ${args.join(' ')}: ${error?.message ?? ''}\n${stdout}${stderr}`)
  }
  return stdout
}

function step<T>(what: string, work: () => T): T {
  process.stdout.write(`${what} … `)
  const result = work()
  process.stdout.write('ok\n')
  return result
}

const { version } = JSON.parse(read('package.json'))

function checkTree(): void {
  const obstacles = obstaclesTo({
    status: run('git', ['status', '--porcelain']).trim(),
    tags: run('git', ['tag', '--list']).split('\n'),
    changelog: read('CHANGELOG.md'),
    packageVersion: version,
    lockVersion: JSON.parse(read('package-lock.json')).version,
  })
  if (obstacles.length === 0) return
  if (!isDryRun) throw new StepFailedError(obstacles.join('\n'))
  process.stdout.write(`not ready:\n${obstacles.map((what) => `  ${what}\n`).join('')}`)
}

/** Builds (in `prepack`) and packs. */
function pack(): string {
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out)
  run('npm', ['pack', '--silent', '--pack-destination', out])
  run('npm', ['pack', '--silent', '--pack-destination', out, './packages/client'])
  return `signet-${version}.tgz`
}

/** Runs the unpacked package as its users would, but with the dependencies of this clone. */
function tryPackage(file: string): void {
  const files = run('tar', ['-tzf', path.join(out, file)])
    .trim()
    .split('\n')
  const mistakes = mistakesInPackage(files.map((name) => name.replace(/^package\//, '')))
  if (mistakes.length > 0) throw new StepFailedError(mistakes.join('\n'))
  const directory = mkdtempSync(path.join(tmpdir(), 'signet-release-'))
  try {
    run('tar', ['-xzf', path.join(out, file), '-C', directory])
    symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'))
    const printed = run(process.execPath, ['package/bin/signet.js', 'version', '--json'], directory)
    if (JSON.parse(printed).version !== version) throw new StepFailedError(`the package says ${printed}`)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * Writes the SBOM of the package and its dependencies. npm takes the name from the directory, so it
 * is corrected here.
 */
function writeSbom(file: string): void {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev', '--package-lock-only']
  const sbom = JSON.parse(run('npm', args))
  sbom.metadata.component.name = 'signet'
  writeFileSync(path.join(out, file), `${JSON.stringify(sbom, null, 2)}\n`)
}

function writeSums(files: readonly string[]): void {
  const lines = files.map((name) => {
    const digest = createHash('sha256')
      .update(readFileSync(path.join(out, name)))
      .digest('hex')
    return `${digest}  ${name}\n`
  })
  writeFileSync(path.join(out, 'SHA256SUMS'), lines.join(''))
}

try {
  step('tree, version and changelog', checkTree)
  step('npm run check', () => run('npm', ['run', 'check']))
  const tarball = step('build and pack', pack)
  step('the package, unpacked', () => tryPackage(tarball))
  step('SBOM, notes, SHA-256 sums', () => {
    const sbom = `signet-${version}.cdx.json`
    writeSbom(sbom)
    const notes = sectionsOf(read('CHANGELOG.md')).find((section) => section.version === version)?.body ?? ''
    writeFileSync(path.join(out, 'NOTES.md'), `${notes}\n`)
    writeSums([tarball, sbom])
  })
  process.stdout.write(`
release/ is complete. What remains needs the network and your rights (RELEASING.md, step 3):
  git tag -s v${version} -m "Signet ${version}" && git push origin main v${version}
  install release/${tarball} in an empty directory, and run the quick start with it
  create the release of the tag, with all files of release/ and the text of release/NOTES.md
  choose a package name, remove "private" from package.json, npm publish --provenance release/${tarball}
`)
} catch (error) {
  if (!(error instanceof StepFailedError)) throw error
  process.stdout.write(`failed\n${error.message}\n`)
  process.exitCode = 1
}
