import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'

const root = path.resolve(import.meta.dirname, '../../..')
const NAME = '@signet-spiffe/client'
const run = promisify(execFile)

describe('the tarball of the library for Node programs', () => {
  let directory: string
  let installed: string
  let files: string[]
  const node = async (...args: string[]): Promise<string> =>
    (await run(process.execPath, args, { cwd: directory })).stdout.trim()

  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'signet-package-'))
    installed = path.join(directory, 'node_modules', NAME)
    await mkdir(installed, { recursive: true })
    const { stdout } = await run(
      'npm',
      ['pack', '--json', '--pack-destination', directory, './packages/client'],
      {
        cwd: root,
      },
    )
    const [packed] = Object.values(JSON.parse(stdout)) as { filename: string; files: { path: string }[] }[]
    files = packed?.files.map((file) => file.path) ?? []
    const tarball = path.join(
      directory,
      path
        .basename(packed?.filename ?? '')
        .replace('@', '')
        .replace('/', '-'),
    )
    await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed])
  })
  after(() => rm(directory, { recursive: true, force: true }))

  it('has the version of Signet, a licence, and no dependency', async () => {
    const read = async (file: string) => JSON.parse(await readFile(file, 'utf8'))
    const { version, dependencies } = await read(path.join(installed, 'package.json'))
    assert.equal(version, (await read(path.join(root, 'package.json'))).version)
    assert.equal(dependencies, undefined)
    assert.deepEqual(files.filter((file) => !file.startsWith('types/')).sort(), [
      'LICENSE',
      'README.md',
      'main.js',
      'main.js.map',
      'package.json',
    ])
  })

  it('loads with import and with require, and loads nothing but Node’s own modules', async () => {
    const code = await readFile(path.join(installed, 'main.js'), 'utf8')
    const loaded = Array.from(
      code.matchAll(/\b(?:from|import|import\(|require\() ?"([^"]+)"/g),
      ([, name]) => name,
    )
    assert.deepEqual(
      loaded.filter((name) => !name?.startsWith('node:')),
      [],
    )
    const names = `console.log(Object.keys(await import('${NAME}')).includes('X509Source'))`
    assert.equal(await node('--input-type=module', '-e', names), 'true')
    assert.equal(await node('-e', `console.log(typeof require('${NAME}').authorizeId)`), 'function')
  })

  it('has types that stand without any other package but those of Node', async () => {
    await symlink(path.join(root, 'node_modules/@types'), path.join(directory, 'node_modules/@types'))
    const typed = `import { authorizeId, createHttpsServer, peerIdOf, X509Source } from '${NAME}'
await using source = await X509Source.connect({ pick: { hint: 'web' } })
createHttpsServer({ source, authorize: authorizeId('spiffe://example.org/web') }, (request) => {
  const path: string = peerIdOf(request).path
  console.log(path, source.svid.hint)
})
// @ts-expect-error: a number is no SPIFFE ID
authorizeId(1)
`
    await writeFile(path.join(directory, 'user.mts'), typed)
    const options = ['--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,esnext.disposable']
    const tsc = path.join(root, 'node_modules/.bin/tsc')
    await run(tsc, ['--noEmit', '--strict', '--types', 'node', ...options, 'user.mts'], { cwd: directory })
  })

  it('says in time which socket gives no SVID', async () => {
    const program = `import { X509Source } from '${NAME}'
await X509Source.connect({ address: 'unix:///nobody/agent.sock', timeoutMs: 20 }).catch((error) => console.log(error.code, error.message))`
    assert.match(
      await node('--input-type=module', '-e', program),
      /^ERR_CLIENT_SOURCE_NOT_READY no X\.509-SVID in time from unix:\/\/\/nobody\/agent\.sock: /,
    )
  })
})
