import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { TestDirectory } from '../../../tools/test-directory.ts'

describe('the directory of a test run', () => {
  it('is private to the run for writing, and gone with it', () => {
    const directory = new TestDirectory()
    assert.deepEqual(directory.leftBehind(), [])
    directory[Symbol.dispose]()
    assert.ok(!existsSync(directory.path))
  })

  it('shows and removes the files and the processes that are left, and no other process', async () => {
    const directory = new TestDirectory()
    using other = new TestDirectory()
    const cat = (TMPDIR: string) => spawn('cat', { env: { ...process.env, TMPDIR }, stdio: 'pipe' })
    const [left, kept] = [cat(directory.path), cat(other.path)]
    const ended = once(left, 'exit')
    await Promise.all([once(left, 'spawn'), once(kept, 'spawn')])
    writeFileSync(path.join(directory.path, 'left.txt'), '')
    assert.deepEqual(directory.leftBehind(), [`the process ${left.pid}, cat`, 'the file left.txt'])
    directory[Symbol.dispose]()
    assert.deepEqual(await ended, [null, 'SIGKILL'])
    assert.equal(kept.exitCode ?? kept.signalCode, null)
    kept.stdin.end()
    await once(kept, 'exit')
  })
})
