import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { steadyTrial } from './trial-picture/steady.ts'
import { drawTerminal } from './trial-picture/terminal.ts'

/**
 * Runs the trial once and draws its output as docs/trial.svg. A test compares the picture with
 * another run.
 */

const root = path.resolve(import.meta.dirname, '..')
const directory = mkdtempSync(path.join(tmpdir(), 'signet-picture-'))
try {
  const args = [path.join(root, 'bin/signet.js'), 'trial', '--once', '--dir', path.join(directory, 'trial')]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
  if (status === 0) {
    writeFileSync(
      path.join(root, 'docs/trial.svg'),
      drawTerminal('What npm start prints', steadyTrial(stdout)),
    )
  } else {
    process.stderr.write(stdout + stderr)
    process.exitCode = 1
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}
