import { spawnSync } from 'node:child_process'
import path from 'node:path'

/**
 * `npm run coverage`: line and branch coverage of the tests that start no programs, for all of src/
 * or for the named folders, such as `npm run coverage -- policy spiffe`.
 */
const FILES = [
  'test/all-unit-tests.ts',
  'test/conformance/{endpoint-socket,jwt-svid-validation,spiffe-bundle,spiffe-id,x509-svid-validation}.test.ts',
  'test/integration/{agent-join,authority-state-join,join-methods}.test.ts',
]
const root = path.resolve(import.meta.dirname, '..')
const folders = process.argv.slice(2)

const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--experimental-test-coverage',
    '--test-coverage-exclude=src/rpc/gen/**',
    ...(folders.length === 0 ? [''] : folders).map(
      (folder) => `--test-coverage-include=${path.posix.join('src', folder, '**')}`,
    ),
    ...FILES,
  ],
  { cwd: root, stdio: 'inherit' },
)
process.exitCode = status ?? 1
