import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'

const root = path.resolve(import.meta.dirname, '../../..')
const run = promisify(execFile)

const node = async (cwd: string, ...args: string[]): Promise<string> =>
  (await run(process.execPath, args, { cwd })).stdout.trim()

/** Prints the packages that an import loads. */
const PACKAGES = `
import { registerHooks } from 'node:module'
const found = new Set()
registerHooks({ load: (url, context, next) => {
  const [, name] = /.*\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url) ?? []
  if (name && name !== 'signet') found.add(name)
  return next(url, context)
} })
await import('signet/client')
console.log([...found].sort().join())`

describe('signet/client', () => {
  it('can be imported in a clone without a build, under the condition signet-source', async () => {
    const program = `import { X509Source } from 'signet/client'; console.log(typeof X509Source.connect)`
    assert.equal(await node(root, '-C', 'signet-source', '--input-type=module', '-e', program), 'function')
  })

  it('loads no other package: no grpc-js, no protobuf library, no native code', async () => {
    assert.equal(await node(root, '-C', 'signet-source', '--input-type=module', '-e', PACKAGES), '')
  })

  it('is in the published package, with its types, for both kinds of modules', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-package-'))
    try {
      const modules = path.join(directory, 'node_modules')
      const installed = path.join(modules, 'signet')
      await mkdir(installed, { recursive: true })
      const tsc = path.join(root, 'node_modules/.bin/tsc')
      // `npm run check` checks these types as published, so this only writes them.
      await run(tsc, ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', path.join(installed, 'dist')], {
        cwd: root,
      })
      await cp(path.join(root, 'package.json'), path.join(installed, 'package.json'))
      // Its dependencies are in the directory above, where npm installs them.
      await symlink(path.join(root, 'node_modules/protobufjs'), path.join(modules, 'protobufjs'))
      await symlink(path.join(root, 'node_modules/@grpc'), path.join(modules, '@grpc'))
      await symlink(path.join(root, 'node_modules/@types'), path.join(modules, '@types'))

      const names = `console.log(Object.keys(await import('signet/client')).includes('X509Source'))`
      assert.equal(await node(directory, '--input-type=module', '-e', names), 'true')
      assert.equal(
        await node(directory, '-e', `console.log(typeof require('signet/client').authorizeId)`),
        'function',
      )
      const typed = `import { authorizeId, createHttpsServer, peerIdOf, X509Source } from 'signet/client'
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
      await run(tsc, ['--noEmit', '--strict', '--types', 'node', ...options, 'user.mts'], { cwd: directory })
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
})
