import { spawnSync } from 'node:child_process'
import path from 'node:path'

/**
 * `npm test`: all tests but those of other people's clients, or the files that are named. Unit tests share one
 * process, the others have one a file.
 */
const ALL = ['test/all-unit-tests.ts', 'test/integration/**/*.test.ts', 'test/conformance/**/*.test.ts']
/** Far beyond what any test takes, also on a machine that does much else. */
const TIMEOUT_MS = 120_000
const root = path.resolve(import.meta.dirname, '..')
const named = process.argv.slice(2)

const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-concurrency=2',
    `--test-timeout=${TIMEOUT_MS}`,
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...[
      `--test-reporter=${path.join(import.meta.dirname, 'test-rules.ts')}`,
      '--test-reporter-destination=stderr',
    ],
    ...(named.length > 0 ? named : ALL),
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(root, 'node_modules', '.cache', 'signet-tests') },
  },
)
process.exitCode = status ?? 1
