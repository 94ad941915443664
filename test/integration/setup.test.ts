import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  access,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'

const SETUP = path.resolve(import.meta.dirname, '../../bin/setup.js')

/** In the place of npm: writes down that it was called, and takes its time as an install does. */
const NPM = `
import fs from 'node:fs'
import path from 'node:path'
fs.appendFileSync(process.env.CALLS, process.argv.slice(2).join(' ') + '\\n')
if (process.env.NPM_FAILS) { console.error('no network'); process.exit(1) }
if (process.env.NPM_HANGS) {
  fs.appendFileSync(process.env.CALLS, process.pid + '\\n')
  await new Promise(() => setInterval(() => {}, 1000))
}
await new Promise((resolve) => setTimeout(resolve, 100))
const runtime = path.join(process.cwd(), 'node_modules', 'node')
fs.mkdirSync(path.join(runtime, 'bin'), { recursive: true })
fs.writeFileSync(path.join(runtime, 'package.json'), '{ "version": "26.0.0" }')
fs.writeFileSync(path.join(runtime, 'bin', 'node'), process.env.RUNTIME ?? '#!/bin/sh\\n', { mode: 0o755 })
`
const RUNTIME_HASH = createHash('sha256').update('#!/bin/sh\n').digest('hex')

/** A clone in which nothing is installed, with an npm that installs nothing. */
class Clone implements AsyncDisposable {
  readonly directory: string

  private constructor(directory: string) {
    this.directory = directory
  }

  static async create(): Promise<Clone> {
    const clone = new Clone(await mkdtemp(path.join(tmpdir(), 'signet-setup-')))
    await mkdir(clone.file('clone', 'bin'), { recursive: true })
    await copyFile(SETUP, clone.file('clone', 'bin', 'setup.js'))
    await clone.expectRuntime(`${RUNTIME_HASH}  node-26.0.0-${process.platform}-${process.arch}`)
    await writeFile(clone.file('clone', 'package.json'), '{ "type": "module" }')
    await writeFile(clone.file('clone', 'package-lock.json'), '{}')
    await writeFile(clone.file('npm.mjs'), NPM)
    await writeFile(clone.file('calls'), '')
    return clone
  }

  async expectRuntime(line: string): Promise<void> {
    await writeFile(this.file('clone', 'bin', 'runtime.sha256'), `${'0'.repeat(64)}  other\n${line}\n`)
  }

  async locks(): Promise<string[]> {
    return (await readdir(this.file('clone'))).filter((name) => name.startsWith('.signet-setup'))
  }

  file(...parts: readonly string[]): string {
    return path.join(this.directory, ...parts)
  }

  async setUp(more: NodeJS.ProcessEnv = {}): Promise<{ code: number | null; said: string }> {
    const child = spawn(process.execPath, [this.file('clone', 'bin', 'setup.js')], {
      env: this.#environment(more),
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    await once(child, 'close')
    return { code: child.exitCode, said }
  }

  #environment(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return {
      ...process.env,
      CALLS: this.file('calls'),
      npm_execpath: this.file('npm.mjs'),
      npm_node_execpath: process.execPath,
      ...more,
    }
  }

  /** What npm was asked. */
  async calls(): Promise<string[]> {
    return (await readFile(this.file('calls'), 'utf8')).split('\n').filter(Boolean)
  }

  /** Begins a set-up and kills it in the middle, together with its npm. */
  async setUpAndKill(): Promise<void> {
    const child = spawn(process.execPath, [this.file('clone', 'bin', 'setup.js')], {
      env: this.#environment({ NPM_HANGS: '1' }),
      stdio: 'ignore',
    })
    const exited = once(child, 'exit')
    let calls: string[] = []
    while (calls.length < 2) {
      await wait(5)
      calls = await this.calls()
    }
    child.kill('SIGKILL')
    await exited
    process.kill(Number(calls[1]), 'SIGKILL')
    await writeFile(this.file('calls'), '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true })
  }
}

describe('setting up a clone', () => {
  it('installs once, links the command, and does nothing the next time until the lock file changes', async () => {
    await using clone = await Clone.create()
    assert.equal((await clone.setUp()).code, 0)
    const link = clone.file('clone', 'node_modules', '.bin', 'signet')
    assert.equal(await readlink(link), path.join('..', '..', 'bin', 'signet.js'))
    assert.deepEqual(await clone.setUp(), { code: 0, said: '' })
    assert.deepEqual(await clone.calls(), ['ci --no-audit --no-fund'])
    await writeFile(clone.file('clone', 'package-lock.json'), '{ "changed": true }')
    assert.equal((await clone.setUp()).code, 0)
    assert.equal((await clone.calls()).length, 2)
  })

  it('happens once when several begin together; each ends when it is done, and no lock stays', async () => {
    await using clone = await Clone.create()
    const all = await Promise.all([clone.setUp(), clone.setUp(), clone.setUp()])
    assert.deepEqual(
      all.map(({ code }) => code),
      [0, 0, 0],
      all.map(({ said }) => said).join(),
    )
    assert.equal((await clone.calls()).length, 1)
    assert.deepEqual(await clone.locks(), [])
  })

  it('is not blocked by one that was killed', async () => {
    await using clone = await Clone.create()
    await clone.setUpAndKill()
    assert.equal((await clone.locks()).length, 1, 'it left its lock behind')
    const all = await Promise.all([clone.setUp(), clone.setUp(), clone.setUp()])
    assert.deepEqual(
      all.map(({ code }) => code),
      [0, 0, 0],
    )
    assert.equal((await clone.calls()).length, 1)
    assert.deepEqual(await clone.locks(), [])
  })

  it('that fails shows the output of npm, does not count as done, and can be retried', async () => {
    await using clone = await Clone.create()
    const { code, said } = await clone.setUp({ NPM_FAILS: '1' })
    assert.equal(code, 1)
    assert.match(said, /no network\n[\s\S]*signet: npm ci failed \(status 1\)/)
    assert.equal((await clone.setUp()).code, 0)
    assert.equal((await clone.calls()).length, 2)
  })

  for (const [what, line, reason] of [
    ['has another hash', undefined, /which is not that of bin\/runtime\.sha256; removed it\n$/],
    [
      'is not known',
      `${RUNTIME_HASH}  node-27.0.0-linux-x64`,
      /is not in bin\/runtime\.sha256; removed it\n$/,
    ],
  ] as const) {
    it(`refuses and removes a downloaded runtime that ${what}, before it has run`, async () => {
      await using clone = await Clone.create()
      if (line) await clone.expectRuntime(line)
      const ran = clone.file('ran')
      const { code, said } = await clone.setUp(line ? {} : { RUNTIME: `#!/bin/sh\ntouch ${ran}\n` })
      assert.equal(code, 1)
      assert.match(said, reason)
      assert.deepEqual(await readdir(clone.file('clone', 'node_modules', 'node', 'bin')), [])
      await assert.rejects(access(ran), { code: 'ENOENT' })
    })
  }
})
