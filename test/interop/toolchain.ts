import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

/** A foreign client, ready to run. */
export interface Lane {
  readonly name: LaneName
  /** The library and its platform. */
  readonly title: string
  readonly command: readonly [program: string, ...args: string[]]
  /** The executable that the kernel reports, with symbolic links resolved. */
  readonly binaryPath: string
  /** Whether other users can run it. */
  readonly isForEverybody: boolean
}

export type LaneName = 'go' | 'java' | 'python'

/** A lane whose tools are not installed here. */
interface MissingLane {
  readonly name: LaneName
  readonly skipped: string
}

const run = promisify(execFile)
const here = import.meta.dirname
const GO_SOURCES = ['main.go', 'go.mod', 'go.sum'] as const
const JAVA_SOURCES = ['Main.java', 'pom.xml'] as const
const OLDEST_JAVA = 17
const OLDEST_PYTHON = [3, 10] as const

/** Builds what is not built yet. Throws when a toolchain is installed and the build fails. */
export async function findLanes(): Promise<{
  readonly go: Lane | MissingLane
  readonly java: Lane | MissingLane
  readonly python: Lane | MissingLane
}> {
  process.umask(0o022) // other users run what is built here
  const [go, java, python] = await Promise.all([goLane(), javaLane(), pythonLane()])
  return { go, java, python }
}

export function isLane(lane: Lane | MissingLane): lane is Lane {
  return !('skipped' in lane)
}

/** The value of a test's `skip`: false, or the reason. */
export function skipWithout(...lanes: readonly (Lane | MissingLane)[]): string | false {
  const reasons = lanes.flatMap((lane) =>
    isLane(lane) ? [] : [`lane ${lane.name} skipped: ${lane.skipped}`],
  )
  return reasons.length > 0 && reasons.join('; ')
}

async function goLane(): Promise<Lane | MissingLane> {
  const name = 'go'
  const sources = path.join(here, 'go')
  const { version, problem } = await goVersion(sources)
  if (version === undefined) return { name, skipped: problem }
  const directory = await cached('go', [version, ...GO_SOURCES.map((file) => read('go', file))], (to) =>
    buildGo(sources, path.join(to, 'interop'), '.'),
  )
  const program = realpathSync(path.join(directory, 'interop'))
  const library = /go-spiffe\/v2 (v\S+)/.exec(read('go', 'go.mod'))?.[1]
  return {
    name,
    title: `go-spiffe ${library} on ${version}`,
    command: [program],
    binaryPath: program,
    isForEverybody: isForEverybody(program),
  }
}

/** Returns the version of Go that builds this module, or why there is none. */
export async function goVersion(
  sources: string,
): Promise<{ version: string; problem?: never } | { version?: never; problem: string }> {
  if (inPath('go') === undefined) return { problem: 'no go in PATH' }
  try {
    // Run inside the module, where an older Go downloads the version in go.mod or says that it cannot.
    return { version: (await run('go', ['env', 'GOVERSION'], { cwd: sources })).stdout.trim() }
  } catch (error) {
    return { problem: firstLine((error as { stderr?: string }).stderr) ?? 'go env fails' }
  }
}

export async function buildGo(sources: string, to: string, what: string): Promise<void> {
  const env = { ...process.env, CGO_ENABLED: '0' } // needs no C compiler
  await run('go', ['build', '-trimpath', '-o', to, what], { cwd: sources, env })
}

async function javaLane(): Promise<Lane | MissingLane> {
  const name = 'java'
  const missing = ['java', 'javac', 'mvn'].filter((tool) => inPath(tool) === undefined)
  if (missing.length > 0) return { name, skipped: `no ${missing.join(', no ')} in PATH` }
  const version = /^javac (\S+)/.exec((await run('javac', ['-version'])).stdout)?.[1] ?? ''
  if (!(Number.parseInt(version, 10) >= OLDEST_JAVA)) {
    return { name, skipped: `javac is ${version}, older than ${OLDEST_JAVA}` }
  }
  const directory = await cached(
    'java',
    [version, ...JAVA_SOURCES.map((file) => read('java', file))],
    async (to) => {
      await run('mvn', ['--quiet', '--batch-mode', `-Dto=${to}`, 'compile'], { cwd: path.join(here, 'java') })
    },
  )
  const program = realpathSync(inPath('java') ?? '')
  const library = /<java-spiffe.version>(\S+)</.exec(read('java', 'pom.xml'))?.[1]
  return {
    name,
    title: `java-spiffe ${library} on Java ${version}`,
    command: [
      program,
      '-cp',
      `${path.join(directory, 'classes')}:${path.join(directory, 'lib', '*')}`,
      'Main',
    ],
    binaryPath: program,
    isForEverybody: [program, directory, path.join(directory, 'lib')].every(isForEverybody),
  }
}

interface Python {
  readonly program: string
  readonly binaryPath: string
  readonly prefix: string
  readonly version: string
}

async function pythonLane(): Promise<Lane | MissingLane> {
  const name = 'python'
  const { found, refusals } = await findPython()
  if (found === undefined) return { name, skipped: refusals.join(', ') || 'no python3 in PATH' }
  const environment = await virtualEnvironment(found, path.join(here, 'python', 'requirements.txt'))
  const directory = await cached('client', [read('python', 'client.py')], async (to) => {
    await copyFile(path.join(here, 'python', 'client.py'), path.join(to, 'client.py'))
  })
  const client = path.join(directory, 'client.py')
  const library = /^spiffe==(\S+)$/m.exec(read('python', 'requirements.txt'))?.[1]
  return {
    name,
    title: `py-spiffe ${library} on Python ${found.version}`,
    // -I: isolated from the user's environment; -B: the files may belong to another user.
    command: [path.join(environment, 'bin', 'python'), '-I', '-B', client],
    binaryPath: found.binaryPath,
    isForEverybody: [found.binaryPath, found.prefix, environment, client].every(isForEverybody),
  }
}

/** Creates a virtual environment with these packages, once. */
export async function virtualEnvironment(python: Python, requirements: string): Promise<string> {
  const keys = [python.binaryPath, python.version, readFileSync(requirements, 'utf8')]
  return cached('venv', keys, async (to) => {
    await run(python.program, ['-m', 'venv', to])
    // Only wheels, so that no compiler is needed.
    const flags = ['--quiet', '--no-input', '--only-binary', ':all:']
    await run(path.join(to, 'bin', 'python'), ['-m', 'pip', 'install', ...flags, '-r', requirements])
  })
}

/**
 * Finds the first Python that is new enough, preferably one that other users can run: that of a
 * version manager is in a home directory.
 */
export async function findPython(): Promise<{ found: Python | undefined; refusals: string[] }> {
  let found: Python | undefined
  const refusals: string[] = []
  for (const directory of searchPath()) {
    const program = path.join(directory, 'python3')
    if (!isExecutable(program)) continue
    const python = await ask(program)
    if (typeof python === 'string') refusals.push(python)
    else if (isForEverybody(python.binaryPath) && isForEverybody(python.prefix))
      return { found: python, refusals }
    else found ??= python
  }
  return { found, refusals }
}

const ABOUT = `
import json, platform, sys
about = [list(sys.version_info[:2]), sys.executable, sys.base_prefix, platform.python_version()]
try:
    import ensurepip, venv
except ImportError as error:
    about.append(str(error))
print(json.dumps(about))
`

async function ask(program: string): Promise<Python | string> {
  let answer: string
  try {
    answer = (await run(program, ['-I', '-c', ABOUT])).stdout
  } catch (error) {
    return `${program} fails: ${firstLine((error as { stderr?: string }).stderr) ?? (error as Error).message}`
  }
  const [[major, minor], executable, prefix, version, missing] = JSON.parse(answer) as [
    [number, number],
    string,
    string,
    string,
    string?,
  ]
  const [oldestMajor, oldestMinor] = OLDEST_PYTHON
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    return `${program} is ${version}, older than ${OLDEST_PYTHON.join('.')}`
  }
  if (missing !== undefined) return `${program} cannot make a virtual environment (${missing})`
  return { program: executable, binaryPath: realpathSync(executable), prefix, version }
}

/**
 * Returns a directory that is created once for these keys and kept for the next run. It is in the
 * temporary directory, because other users may not be able to reach the clone.
 */
export async function cached(
  name: string,
  keys: readonly string[],
  make: (to: string) => Promise<void>,
): Promise<string> {
  const base = path.join(realpathSync(tmpdir()), `signet-interop-${process.geteuid?.()}`)
  await mkdir(base, { recursive: true, mode: 0o755 })
  const { uid, mode } = await lstat(base)
  if (uid !== process.geteuid?.() || (mode & 0o170022) !== constants.S_IFDIR) {
    throw new Error(`${base} was made by somebody else: remove it`)
  }
  const hash = createHash('sha256').update(JSON.stringify([process.arch, ...keys]))
  const directory = path.join(base, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(directory)) return directory
  const fresh = await mkdtemp(path.join(base, '.new-'))
  try {
    await chmod(fresh, 0o755)
    await make(fresh)
    await rename(fresh, directory)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    if (!existsSync(directory)) throw error // else another run was faster
  }
  return directory
}

function searchPath(): string[] {
  return (process.env['PATH'] ?? '').split(path.delimiter).filter((directory) => directory !== '')
}

export function inPath(program: string): string | undefined {
  return searchPath()
    .map((directory) => path.join(directory, program))
    .find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

/** Whether every user may read this file and pass through all directories above it. */
export function isForEverybody(file: string): boolean {
  const mode = statSync(file).mode
  const wanted = statSync(file).isDirectory() ? 0o5 : 0o4
  if ((mode & wanted) !== wanted) return false
  for (let above = path.dirname(realpathSync(file)); ; above = path.dirname(above)) {
    if ((statSync(above).mode & 0o1) === 0) return false
    if (above === path.dirname(above)) return true
  }
}

function read(...file: string[]): string {
  return readFileSync(path.join(here, ...file), 'utf8')
}

function firstLine(text: string | undefined): string | undefined {
  return text?.trim().split('\n')[0] || undefined
}
