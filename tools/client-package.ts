import { spawnSync } from 'node:child_process'
import { copyFileSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/**
 * Fills packages/client with what `npm pack ./packages/client` takes: the bundled library, its types and the
 * licence.
 */

const root = path.resolve(import.meta.dirname, '..')
const client = path.join(root, 'packages/client')
const types = path.join(client, 'types')

run(process.execPath, 'bin/setup.js') // builds what is not up to date
for (const name of ['main.js', 'main.js.map']) {
  copyFileSync(path.join(root, 'dist/client', name), path.join(client, name))
}
copyFileSync(path.join(root, 'LICENSE'), path.join(client, 'LICENSE'))

rmSync(types, { recursive: true, force: true })
run(path.join(root, 'node_modules/.bin/tsc'), '-p', 'tsconfig.client.json', '--noCheck')

// A program that does not use grpc-js has not its types either.
for (const name of globSync('**/*.d.ts', { cwd: types })) {
  const file = path.join(types, name)
  const text = readFileSync(file, 'utf8')
  const optional = text.replaceAll(/^.*(?:from|import\() ?'@grpc\/grpc-js'.*$/gm, '// @ts-ignore\n$&')
  if (optional !== text) writeFileSync(file, optional)
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8' })
  if (status === 0) return
  process.stderr.write(`${stdout}${stderr}`)
  process.exit(1)
}
