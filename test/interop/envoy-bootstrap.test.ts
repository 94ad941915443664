import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { signet } from '../support/command.ts'
import { findEnvoy } from './envoy/find-envoy.ts'

const envoy = await findEnvoy()
const run = promisify(execFile)
const deploy = path.resolve(import.meta.dirname, '../../deploy/envoy')

const PEER = 'spiffe://example.org/svc/api'
const FOREIGN = 'spiffe://partner.example/a'
const COMMANDS: readonly (readonly string[])[] = [
  ['--service', 'web', '--upstream', PEER],
  ['--service', 'web', '--upstream', PEER, '--delta', '--tcp', '--only', 'outbound'],
  [
    '--service',
    'spiffe://example.org/svc/web',
    '--downstream',
    PEER,
    '--downstream',
    FOREIGN,
    '--admin',
    'none',
  ],
  ['--service', 'web', '--upstream', PEER, '--listen', '[::1]:0', '--local-app', 'unix:/run/my app.sock'],
]

describe('Envoy itself accepts', { skip: 'skipped' in envoy && envoy.skipped }, () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'signet-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  async function takes(file: string): Promise<void> {
    assert.ok(!('skipped' in envoy))
    // An unknown or deprecated key is a mistake.
    const { stdout, stderr } = await run(envoy.program, [
      '--mode',
      'validate',
      '--disable-hot-restart',
      '-c',
      file,
    ])
    assert.match(stdout, / OK$/m)
    assert.doesNotMatch(stderr, /deprecated/i)
  }

  for (const name of ['web.yaml', 'api.yaml']) {
    it(`deploy/envoy/${name}`, () => takes(path.join(deploy, name)))
  }

  for (const [at, args] of COMMANDS.entries()) {
    for (const format of ['yaml', 'json']) {
      it(`signet envoy bootstrap ${args.join(' ')}, as ${format}`, async () => {
        const more = format === 'json' ? ['--json'] : []
        const { stdout } = await signet(['envoy', 'bootstrap', ...args, ...more])
        const file = path.join(directory, `${at}.${format}`)
        await writeFile(file, stdout)
        await takes(file)
      })
    }
  }
})
