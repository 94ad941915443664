import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { linkSync, unlinkSync } from 'node:fs'
import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type DigestRequest, FileDigests } from '../../src/agent/attestation/file-digests.ts'
import { systemClock } from '../../src/foundation/clock.ts'
import { loadKernel } from '../../src/peer/koffi-kernel.ts'

describe('FileDigests', () => {
  let directory: string
  const owned = new DisposableStack()
  const kernel = loadKernel()
  const stampOf = (of: string): string | undefined => kernel.fileStamp(of)
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'signet-digests-'))
  })
  after(async () => {
    owned.dispose()
    await rm(directory, { recursive: true })
  })

  const digests = (options: { maxBytes?: number; timeoutMs?: number } = {}) =>
    owned.use(new FileDigests(systemClock, { maxBytes: 100_000_000, timeoutMs: 60_000, stampOf, ...options }))

  async function requestFor(full: string, uid = 1000): Promise<DigestRequest> {
    const { dev, ino } = await stat(full, { bigint: true })
    return { uid, path: full, device: ((dev >> 8n) << 32n) | (dev & 0xffn), inode: ino }
  }

  async function file(name: string, content: string | Buffer, uid?: number): Promise<DigestRequest> {
    const full = path.join(directory, name)
    await writeFile(full, content)
    return requestFor(full, uid)
  }

  /**
   * Releases a thread that waits for a writer, and any that comes later; otherwise it would keep
   * this process alive for ever.
   */
  async function release(pipe: string): Promise<void> {
    const writer = await open(pipe, 'r+')
    unlinkSync(pipe)
    await writer.close()
  }

  it('are SHA-256 in hex', async () => {
    const digest = await digests().of(await file('a', 'content'))
    assert.equal(digest, createHash('sha256').update('content').digest('hex'))
  })

  it('change with the content', async () => {
    const own = digests()
    const first = await own.of(await file('b', 'one'))
    const second = await own.of(await file('b', 'another'))
    assert.notEqual(first, second)
  })

  it('are absent for a file above the limit', async () => {
    assert.equal(await digests({ maxBytes: 3 }).of(await file('c', 'four')), undefined)
  })

  it('are absent for a missing file', async () => {
    assert.equal(await digests().of({ uid: 1000, path: '/nowhere/at/all', device: 0n, inode: 0n }), undefined)
  })

  it('are absent if another file is at the path', async () => {
    const request = await file('d', 'content')
    assert.equal(await digests().of({ ...request, inode: request.inode + 1n }), undefined)
  })

  it('are abandoned at the deadline if reading hangs, as on a dead mount, and others are still computed', async () => {
    const pipe = path.join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    const own = digests({ timeoutMs: 500 })
    const alive = setInterval(() => undefined, 1_000) // the digests do not keep a process alive
    assert.equal(await own.of(await requestFor(pipe)), undefined) // opening it blocks until there is a writer
    assert.ok(await digests().of(await file('e', 'content')), 'of other digests')
    await release(pipe)
    clearInterval(alive)
  })

  it('are still computed for others if one user has several files that hang', async () => {
    const own = digests({ timeoutMs: 4_000 })
    const alive = setInterval(() => undefined, 1_000) // the digests do not keep a process alive
    const pipes = ['pipe-1', 'pipe-2', 'pipe-3'].map((name) => path.join(directory, name))
    for (const pipe of pipes) execFileSync('mkfifo', [pipe])
    const asked = await Promise.all(pipes.map((pipe) => requestFor(pipe, 1001)))
    try {
      // Concurrently, so that the others already wait when the first hangs.
      assert.deepEqual(await Promise.all(asked.map((each) => own.of(each))), [
        undefined,
        undefined,
        undefined,
      ])
      assert.equal(
        await own.of(await requestFor(pipes[0] ?? '', 1002)),
        undefined,
        'nor again for another user',
      )
      assert.ok(await own.of(await file('i', 'content')), 'of another user')
    } finally {
      for (const pipe of pipes) await release(pipe)
      clearInterval(alive)
    }
  })

  it('that are cached are returned immediately, to any user', async () => {
    const own = digests()
    const request = await file('f', 'content')
    assert.equal(own.known(request), undefined)
    const digest = await own.of(request)
    assert.equal(own.known(request), digest)
    assert.equal(own.known({ ...request, uid: 1001 }), digest)
    await writeFile(request.path, 'other')
    assert.equal(own.known(request), undefined)
  })

  it('are computed once for all callers that run the same file', async () => {
    const own = digests()
    const request = await file('g', Buffer.alloc(20_000_000, 'x'))
    const gone = path.join(directory, 'gone')
    linkSync(request.path, gone)
    const all = [{ ...request, path: gone }, request, request].map((each) => own.of(each))
    unlinkSync(gone) // like /proc/PID/exe of a process that exits
    const [first, ...others] = await Promise.all(all)
    assert.ok(first)
    assert.deepEqual(others, [first, first])
  })

  it('of one user do not wait for many large files of another', async () => {
    const own = digests()
    const finished: string[] = []
    const flood = await Promise.all(
      [1, 2, 3].map((n) => file(`flood-${n}`, Buffer.alloc(60_000_000, n), 1001)),
    )
    const all = flood.map((request) => own.of(request).then(() => finished.push('flood')))
    const small = await file('h', 'content')
    all.push(own.of(small).then(() => finished.push('small')))
    await Promise.all(all)
    assert.equal(finished[0], 'small')
  })

  it('are absent immediately for a user with too many waiting', async () => {
    const own = digests()
    const waiting = Array.from({ length: 64 }, (_, n) =>
      own.of({ uid: 1001, path: '/nowhere', device: 0n, inode: BigInt(n) }),
    )
    const request = await file('i', 'content', 1001)
    assert.equal(await own.of(request), undefined)
    assert.ok(await own.of({ ...request, uid: 1000 }))
    await Promise.all(waiting)
  })
})
