import { copyFileSync, readFileSync, realpathSync } from 'node:fs'
import { chmod, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { buildGo, cached, findPython, goVersion, isForEverybody, virtualEnvironment } from './toolchain.ts'

/** The programs of deploy/examples/mtls in one language, ready to run. */
export interface Example {
  readonly name: ExampleName
  readonly title: string
  readonly server?: readonly [program: string, ...args: string[]]
  readonly client: readonly [program: string, ...args: string[]]
  /** The executables that the kernel reports for them. */
  readonly binaryPaths: readonly string[]
  readonly isForEverybody: boolean
}

export type ExampleName = 'node' | 'go' | 'python'

/** Examples whose tools are not installed here. */
interface MissingExample {
  readonly name: ExampleName
  readonly skipped: string
}

const root = path.resolve(import.meta.dirname, '../..')
const examples = path.join(root, 'deploy/examples/mtls')

export async function findExamples(): Promise<Readonly<Record<ExampleName, Example | MissingExample>>> {
  process.umask(0o022) // other users run what is built here
  const [node, go, python] = await Promise.all([nodeExample(), goExample(), pythonExample()])
  return { node, go, python }
}

/** With the library as it is published, in the place where npm installs it. */
async function nodeExample(): Promise<Example> {
  const library = path.join(root, 'dist/client/main.js') // built before the tests
  const sources = ['server.ts', 'client.ts'].map((file) => path.join(examples, 'node', file))
  const texts = [library, ...sources].map((file) => readFileSync(file, 'utf8'))
  const directory = await cached('mtls-node', texts, async (to) => {
    const installed = path.join(to, 'node_modules/@signet-spiffe/client')
    await mkdir(installed, { recursive: true })
    copyFileSync(library, path.join(installed, 'main.js'))
    copyFileSync(path.join(root, 'packages/client/package.json'), path.join(installed, 'package.json'))
    for (const file of sources) copyFileSync(file, path.join(to, path.basename(file)))
    copyFileSync(path.join(examples, 'node/package.json'), path.join(to, 'package.json'))
  })
  const program = realpathSync(process.execPath)
  return {
    name: 'node',
    title: `@signet-spiffe/client on Node ${process.versions.node}`,
    server: [program, path.join(directory, 'server.ts')],
    client: [program, path.join(directory, 'client.ts')],
    binaryPaths: [program],
    isForEverybody: [program, directory].every(isForEverybody),
  }
}

async function goExample(): Promise<Example | MissingExample> {
  const name = 'go'
  const sources = path.join(examples, 'go')
  const { version, problem } = await goVersion(sources)
  if (version === undefined) return { name, skipped: problem }
  const files = ['go.mod', 'go.sum', 'server/main.go', 'client/main.go']
  const texts = files.map((file) => readFileSync(path.join(sources, file), 'utf8'))
  const directory = await cached('mtls', [version, ...texts], async (to) => {
    for (const what of ['server', 'client']) await buildGo(sources, path.join(to, what), `./${what}`)
  })
  const [server, client] = ['server', 'client'].map((what) => realpathSync(path.join(directory, what)))
  const library = /go-spiffe\/v2 (v\S+)/.exec(texts[0] ?? '')?.[1]
  return {
    name,
    title: `go-spiffe ${library} on ${version}`,
    server: [server as string],
    client: [client as string],
    binaryPaths: [server as string, client as string],
    isForEverybody: isForEverybody(directory),
  }
}

async function pythonExample(): Promise<Example | MissingExample> {
  const name = 'python'
  const { found, refusals } = await findPython()
  if (found === undefined) return { name, skipped: refusals.join(', ') || 'no python3 in PATH' }
  const requirements = path.join(examples, 'python/requirements.txt')
  const environment = await virtualEnvironment(found, requirements)
  const source = path.join(examples, 'python/client.py')
  const directory = await cached('mtls-python', [readFileSync(source, 'utf8')], async (to) => {
    copyFileSync(source, path.join(to, 'client.py'))
  })
  const library = /^spiffe==(\S+)$/m.exec(readFileSync(requirements, 'utf8'))?.[1]
  return {
    name,
    title: `py-spiffe ${library} on Python ${found.version}`,
    client: [path.join(environment, 'bin/python'), '-I', '-B', path.join(directory, 'client.py')],
    binaryPaths: [found.binaryPath],
    isForEverybody: [found.binaryPath, found.prefix, environment, directory].every(isForEverybody),
  }
}

export function isThere(example: Example | MissingExample): example is Example {
  return !('skipped' in example)
}

/** Creates the working directory of one program. */
export async function homeOf(directory: string, name: string): Promise<string> {
  const home = path.join(directory, `home-${name}`)
  await mkdir(home, { recursive: true })
  await chmod(home, 0o755)
  return home
}
