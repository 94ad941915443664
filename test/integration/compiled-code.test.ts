import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'

const BIN = path.resolve(import.meta.dirname, '../../bin/signet.js')
const MAIN = `import { getCompileCacheDir } from 'node:module'
export const main = () => console.log(getCompileCacheDir() ?? 'none')
`

/** The `signet` command with a program that prints where its compiled code is cached. */
class Installed implements AsyncDisposable {
  readonly top: string

  constructor(top: string) {
    this.top = top
  }

  static async create(root: string): Promise<Installed> {
    const installed = new Installed(await mkdtemp(path.join(tmpdir(), 'signet-compiled-')))
    const made = path.join(installed.top, root)
    await mkdir(path.join(made, 'bin'), { recursive: true })
    await mkdir(path.join(made, 'dist/cli'), { recursive: true })
    await writeFile(path.join(made, 'package.json'), '{ "type": "module" }')
    await copyFile(BIN, path.join(made, 'bin/signet.js'))
    await writeFile(path.join(made, 'dist/cli/main.js'), MAIN)
    return installed
  }

  async run(root: string): Promise<string> {
    const { NODE_COMPILE_CACHE: _, ...env } = process.env
    const script = path.join(this.top, root, 'bin/signet.js')
    const { stdout } = await promisify(execFile)(process.execPath, [script], { env })
    return path.relative(this.top, stdout.trim())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.top, { recursive: true, force: true })
  }
}

describe('compiled code', () => {
  it('of a package is cached in the node_modules that contains it', async () => {
    await using installed = await Installed.create('app/node_modules/signet')
    assert.match(await installed.run('app/node_modules/signet'), /^app\/node_modules\/\.cache\/signet\//)
  })

  it('is cached in the clone’s own node_modules if there is one', async () => {
    await using installed = await Installed.create('clone')
    await mkdir(path.join(installed.top, 'clone/node_modules'))
    assert.match(await installed.run('clone'), /^clone\/node_modules\/\.cache\/signet\//)
  })

  for (const open of ['', '.cache', '.cache/signet']) {
    it(`is not cached where everyone can write: node_modules/${open}`, async () => {
      await using installed = await Installed.create('app/node_modules/signet')
      const modules = path.join(installed.top, 'app/node_modules')
      await mkdir(path.join(modules, '.cache/signet'), { recursive: true })
      await chmod(path.join(modules, open), 0o777)
      assert.match(await installed.run('app/node_modules/signet'), /none$/)
    })
  }

  it('is not cached if there is no such directory', async () => {
    await using installed = await Installed.create('opt/signet')
    assert.match(await installed.run('opt/signet'), /none$/)
  })

  it('is not cached if nothing can be written', async () => {
    await using installed = await Installed.create('app/node_modules/signet')
    await writeFile(path.join(installed.top, 'app/node_modules/.cache'), '')
    assert.match(await installed.run('app/node_modules/signet'), /none$/)
  })
})
