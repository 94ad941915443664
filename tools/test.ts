import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { ALONE } from '../test/lanes.ts'
import { TestDirectory } from './test-directory.ts'

/**
 * `npm test`: all tests except those with foreign clients, or the named files. Most of them share
 * one of a few processes (test/lanes.ts).
 */
const ALL = ['all-*-tests.ts', ...ALONE].map((file) => `test/${file}`)
/** All of them: tests often wait for a disk, a timer or a program, and another one can use the core. */
const AT_A_TIME = 8
/** Far more than any test takes, even on a busy machine. */
const TIMEOUT_MS = 120_000
const root = path.resolve(import.meta.dirname, '..')
const named = process.argv.slice(2)

// Ctrl-C ends the tests, and what follows them still happens.
process.on('SIGINT', () => undefined)
using directory = new TestDirectory()
const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    `--test-concurrency=${AT_A_TIME}`,
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
    env: {
      ...process.env,
      TMPDIR: directory.path,
      NODE_COMPILE_CACHE: path.join(root, 'node_modules', '.cache', 'signet-tests'),
    },
  },
)
const left = directory.leftBehind()
for (const what of left) process.stderr.write(`✖ a test left behind: ${what}\n`)
process.exitCode = status === 0 && left.length > 0 ? 1 : (status ?? 1)
