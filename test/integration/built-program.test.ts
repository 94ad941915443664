import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'

const root = path.resolve(import.meta.dirname, '../..')
const SAYS_SO = `export const main = () => console.log('source')\n`

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
    await writeFile(
      clone.file('src/cli/main.ts'),
      `export const main = () => console.log(import.meta.filename.endsWith('.ts') ? 'source' : 'built')\n`,
    )
    await clone.run('build.js')
    return clone
  }

  file(...parts: readonly string[]): string {
    return path.join(this.directory, ...parts)
  }

  async run(script = 'signet.js'): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [this.file('bin', script), 'agent', 'run'])
    return stdout.trim()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true })
  }
}

describe('a daemon of a clone', () => {
  it('runs the build if it matches the sources exactly', async () => {
    await using clone = await Clone.create()
    assert.equal(await clone.run(), 'built')
  })

  const changes: Readonly<Record<string, (clone: Clone) => Promise<unknown>>> = {
    'was changed': (clone) => writeFile(clone.file('src/cli/main.ts'), SAYS_SO),
    'was only touched': (clone) => utimes(clone.file('src/cli/main.ts'), 1, 1),
    'of the other entry is gone': (clone) => rm(clone.file('src/client/main.ts')),
  }
  for (const [what, change] of Object.entries(changes)) {
    it(`runs from source if one of the sources ${what}`, async () => {
      await using clone = await Clone.create()
      await change(clone)
      assert.equal(await clone.run(), 'source')
    })
  }

  it('runs from source if everyone can write to the build', async () => {
    await using clone = await Clone.create()
    await chmod(clone.file('dist/cli'), 0o777)
    assert.equal(await clone.run(), 'source')
  })

  it('runs from source if nothing was built', async () => {
    await using clone = await Clone.create()
    await rm(clone.file('dist'), { recursive: true })
    assert.equal(await clone.run(), 'source')
  })

  it('runs the build if there are no sources, as in a package', async () => {
    await using clone = await Clone.create()
    await rm(clone.file('src'), { recursive: true })
    assert.equal(await clone.run(), 'built')
  })
})
