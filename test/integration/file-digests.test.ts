import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { FileDigests, type FileIdentity } from '../../src/agent/attestation/file-digests.ts'
import { systemClock } from '../../src/foundation/clock.ts'

describe('FileDigests', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'signet-digests-'))
  })
  after(() => rm(directory, { recursive: true }))

  const digests = (options: { maxBytes?: number; timeoutMs?: number } = {}) =>
    new FileDigests(systemClock, { maxBytes: 1_000_000, timeoutMs: 60_000, ...options })

  async function identityOf(file: string): Promise<FileIdentity> {
    const { dev, ino } = await stat(file, { bigint: true })
    return { device: ((dev >> 8n) << 32n) | (dev & 0xffn), inode: ino }
  }

  async function file(name: string, content: string): Promise<[string, FileIdentity]> {
    const full = path.join(directory, name)
    await writeFile(full, content)
    return [full, await identityOf(full)]
  }

  it('are SHA-256 in hex', async () => {
    const digest = await digests().of(...(await file('a', 'content')))
    assert.equal(digest, createHash('sha256').update('content').digest('hex'))
  })

  it('change with the content', async () => {
    const own = digests()
    const first = await own.of(...(await file('b', 'one')))
    const second = await own.of(...(await file('b', 'another')))
    assert.notEqual(first, second)
  })

  it('are absent for a file above the limit', async () => {
    assert.equal(await digests({ maxBytes: 3 }).of(...(await file('c', 'four'))), undefined)
  })

  it('are absent for a file that is not there', async () => {
    assert.equal(await digests().of('/nowhere/at/all', { device: 0n, inode: 0n }), undefined)
  })

  it('are absent when another file lies at the path by now', async () => {
    const [full, { device, inode }] = await file('d', 'content')
    assert.equal(await digests().of(full, { device, inode: inode + 1n }), undefined)
  })

  it('are given up at the deadline when reading hangs, as on a dead mount, and others are still made', async () => {
    const pipe = path.join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    const own = digests({ timeoutMs: 50 })
    assert.equal(await own.of(pipe, await identityOf(pipe)), undefined) // opening it waits for a writer
    assert.ok(await digests().of(...(await file('e', 'content'))))
    await (await open(pipe, 'w')).close() // lets the thread go
  })
})
