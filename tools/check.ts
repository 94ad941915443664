import { spawnSync } from 'node:child_process'
import path from 'node:path'

/**
 * `npm run check`: all static checks of the tree. Each step is a single command that also works in
 * a shell.
 */
const STEPS: readonly { readonly what: string; readonly command: readonly string[] }[] = [
  { what: 'format and lint', command: ['biome', 'ci', '--colors=off', '.'] },
  { what: 'types', command: ['tsc', '--noEmit', '-p', 'tsconfig.json'] },
  {
    what: 'types as published',
    command: [
      'tsc',
      '--noEmit',
      '--emitDeclarationOnly',
      'false',
      '--allowImportingTsExtensions',
      '-p',
      'tsconfig.client.json',
    ],
  },
  { what: 'layering', command: ['node', '--test', '--test-reporter=dot', 'test/unit/architecture.test.ts'] },
  { what: 'nothing unused', command: ['node', 'tools/unused.ts'] },
  { what: 'generated files unchanged', command: ['node', 'tools/generate.ts', '--check'] },
  { what: 'tables of the documents', command: ['node', 'tools/documents.ts', '--check'] },
  { what: 'proto lint', command: ['buf', 'lint'] },
  { what: 'proto format', command: ['buf', 'format', '--diff', '--exit-code'] },
]

const root = path.resolve(import.meta.dirname, '..')
const bin = path.join(root, 'node_modules', '.bin')
const environment = { ...process.env, PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}` }

const failed: string[] = []
for (const { what, command } of STEPS) {
  const started = performance.now()
  const [program = '', ...args] = command
  const run = spawnSync(program, args, { cwd: root, env: environment, encoding: 'utf8' })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const ok = run.status === 0
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${what} (${seconds} s)\n`)
  if (ok) continue
  failed.push(what)
  process.stdout.write(`${run.error?.message ?? ''}${run.stdout ?? ''}${run.stderr ?? ''}\n`)
}
if (failed.length > 0) {
  process.stdout.write(`check failed: ${failed.join(', ')}\n`)
  process.exitCode = 1
}
