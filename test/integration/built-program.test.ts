import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'

const root = path.resolve(import.meta.dirname, '../..')

/** A clone that is set up. It reports whether it runs from its sources or from their build. */
class Clone implements AsyncDisposable {
  readonly directory: string

  private constructor(directory: string) {
    this.directory = directory
  }

  static async create(): Promise<Clone> {
    const clone = new Clone(await mkdtemp(path.join(tmpdir(), 'signet-built-')))
    for (const folder of ['bin', 'src/cli', 'src/client'])
      await mkdir(clone.file(folder), { recursive: true })
    for (const name of ['build.js', 'signet.js']) {
      await copyFile(path.join(root, 'bin', name), clone.file('bin', name))
    }
    await symlink(path.join(root, 'node_modules'), clone.file('node_modules'))
    await writeFile(clone.file('package.json'), '{ "type": "module" }')
    await writeFile(clone.file('src/client/main.ts'), '')
    await writeFile(clone.file('src/cli/part.ts'), 'export const part = 1\n')
    for (const program of ['main', 'agent-daemon', 'authority-daemon']) {
      await writeFile(
        clone.file(`src/cli/${program}.ts`),
        `import path from 'node:path'
import { part } from './part.ts'
export const main = () => {
  const { name, ext } = path.parse(import.meta.filename)
  console.log(part && name, ext === '.ts' ? 'source' : 'built')
  return true
}
`,
      )
    }
    await clone.run('build.js')
    return clone
  }

  file(...parts: readonly string[]): string {
    return path.join(this.directory, ...parts)
  }

  async run(script = 'signet.js', ...words: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [this.file('bin', script), ...words])
    return stdout.trim()
  }

  /** Returns which program ran, and whether from its sources or its build. */
  agent(): Promise<string> {
    return this.run('signet.js', 'agent', 'run')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true })
  }
}

describe('a clone', () => {
  for (const [words, program] of [
    [['agent', 'run'], 'agent-daemon'],
    [['authority', 'run'], 'authority-daemon'],
    [['get', 'bot'], 'main'],
  ] as const) {
    it(`runs the build for signet ${words.join(' ')} if it matches the sources exactly`, async () => {
      await using clone = await Clone.create()
      assert.equal(await clone.run('signet.js', ...words), `${program} built`)
      await writeFile(clone.file('src/cli/part.ts'), 'export const part = 2\n')
      assert.equal(await clone.run('signet.js', ...words), `${program} source`)
    })
  }

  const changes: Readonly<Record<string, (clone: Clone) => Promise<unknown>>> = {
    'was only touched': (clone) => utimes(clone.file('src/cli/part.ts'), 1, 1),
  }
  for (const [what, change] of Object.entries(changes)) {
    it(`runs from source if one of the sources ${what}`, async () => {
      await using clone = await Clone.create()
      await change(clone)
      assert.equal(await clone.agent(), 'agent-daemon source')
    })
  }

  it('runs from source if one of the sources was edited while it was being built', async () => {
    await using clone = await Clone.create()
    // The first step after bundling; the edit keeps the size.
    await writeFile(
      clone.file('bin/edited.js'),
      `import fs from 'node:fs'
import { build } from './build.js'
const { rmSync } = fs
fs.rmSync = (...words) => {
  fs.writeFileSync(${JSON.stringify(clone.file('src/cli/part.ts'))}, 'export const part = 2\\n')
  fs.rmSync = rmSync
  rmSync(...words)
}
await build()
`,
    )
    await clone.run('edited.js')
    assert.equal(await clone.agent(), 'agent-daemon source')
    await clone.run('build.js')
    assert.equal(await clone.agent(), 'agent-daemon built')
  })

  it('runs from source if everyone can write to the build', async () => {
    await using clone = await Clone.create()
    await chmod(clone.file('dist/cli'), 0o777)
    assert.equal(await clone.agent(), 'agent-daemon source')
  })

  it('runs from source if nothing was built', async () => {
    await using clone = await Clone.create()
    await rm(clone.file('dist'), { recursive: true })
    assert.equal(await clone.agent(), 'agent-daemon source')
  })

  it('runs the build if there are no sources, as in a package', async () => {
    await using clone = await Clone.create()
    await rm(clone.file('src'), { recursive: true })
    assert.equal(await clone.agent(), 'agent-daemon built')
  })
})
