import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const BIN = path.resolve(import.meta.dirname, '../../bin/signet.js')
const MAIN = `import { getCompileCacheDir } from 'node:module'
export const main = () => console.log(getCompileCacheDir() ?? 'none')
`
const PRINT_UMASK = `export const main = () => console.log(process.umask().toString(8))
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

  async run(root: string, umask = '022'): Promise<string> {
    const { NODE_COMPILE_CACHE: _, ...env } = process.env
    const script = path.join(this.top, root, 'bin/signet.js')
    const { stdout } = await exec('sh', ['-c', `umask ${umask}; exec "$@"`, 'sh', process.execPath, script], {
      env,
    })
    const said = stdout.trim()
    return path.isAbsolute(said) ? path.relative(this.top, said) : said
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

  it('is cached where only its user can write, even if the umask would let everyone', async () => {
    await using installed = await Installed.create('app/node_modules/signet')
    const used = path.join(installed.top, await installed.run('app/node_modules/signet', '000'))
    for (const directory of [used, path.dirname(used), path.dirname(path.dirname(used))]) {
      assert.equal((await stat(directory)).mode & 0o777, 0o755, directory)
    }
  })

  it('leaves the umask of the program as it was', async () => {
    await using installed = await Installed.create('app/node_modules/signet')
    await writeFile(path.join(installed.top, 'app/node_modules/signet/dist/cli/main.js'), PRINT_UMASK)
    assert.equal(await installed.run('app/node_modules/signet', '002'), '2')
  })

  it('is not cached where an earlier start let everyone write', async () => {
    await using installed = await Installed.create('app/node_modules/signet')
    await chmod(path.join(installed.top, await installed.run('app/node_modules/signet')), 0o777)
    assert.match(await installed.run('app/node_modules/signet'), /none$/)
  })

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
