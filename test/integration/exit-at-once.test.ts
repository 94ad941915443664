import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'

const source = (file: string): string => JSON.stringify(new URL(`../../src/${file}`, import.meta.url).href)

describe('a program that ends', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'signet-exit-'))
  after(() => rmSync(directory, { recursive: true }))

  it('does not wait for a thread that hangs, and keeps its status and its last words', () => {
    const pipe = path.join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    const program = `
      import { FileDigests } from ${source('agent/attestation/file-digests.ts')}
      import { systemClock } from ${source('foundation/clock.ts')}
      import { exitAtOnce } from ${source('cli/exit-at-once.ts')}
      const options = { maxBytes: 1024, timeoutMs: 1_500, stampOf: () => undefined }
      setInterval(() => {}, 1_000)
      const digests = new FileDigests(systemClock, options)
      const path = ${JSON.stringify(pipe)}
      console.log(String(await digests.of({ uid: 0, path, device: 1n, inode: 1n })))
      process.on('exit', () => console.log('last words'))
      process.exitCode = 3
      exitAtOnce()
    `
    const { status, signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      timeout: 30_000,
      killSignal: 'SIGKILL',
    })
    assert.deepEqual([status, signal, stdout], [3, null, 'undefined\nlast words\n'])
  })
})
