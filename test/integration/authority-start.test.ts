import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import type { ListBotInstancesResponse__Output } from '../../src/rpc/gen/signet/v1/ListBotInstancesResponse.ts'
import type { VerifyAuditResponse__Output } from '../../src/rpc/gen/signet/v1/VerifyAuditResponse.ts'
import { ADMIN, bundleOf, claimFor, issueX509, RESOURCES } from '../support/authority-calls.ts'
import { joinBot, SyncReader } from '../support/bot-client.ts'
import { startAuthority } from '../support/start-authority.ts'

describe('starting and stopping', () => {
  it('refuses a second authority on the same directory', async () => {
    await using first = await startAuthority()
    await assert.rejects(startAuthority({ directory: first.directory }), { code: 'ERR_AUTHORITY_RUNNING' })
  })

  it('refuses another trust domain or key for the same data, and changes nothing', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-authority-'))
    try {
      const pin = await pinOf(directory)
      await assert.rejects(startAuthority({ directory, trustDomain: 'other.org' }), {
        code: 'ERR_CA_WRONG_TRUST_DOMAIN',
      })
      const kek = path.join(directory, 'keys/kek')
      const right = await readFile(kek)
      await rm(kek)
      await assert.rejects(startAuthority({ directory }), { code: 'ERR_SECRET_UNAVAILABLE' })
      // No new key is created: it would pass for the right one.
      await assert.rejects(stat(kek), { code: 'ENOENT' })
      await writeFile(kek, Buffer.alloc(32, 9), { mode: 0o600 })
      await assert.rejects(startAuthority({ directory }), { code: 'ERR_CA_WRONG_SEALING_KEY' })
      await writeFile(kek, right, { mode: 0o600 })
      assert.equal(await pinOf(directory), pin)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })

  it('keeps resources, bots and keys over a restart', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-authority-'))
    try {
      const first = await startAuthority({ directory })
      await first.apply(RESOURCES)
      const joined = await joinBot(first, 'builder')
      await issueX509(joined, await claimFor(first))
      const bundle = await bundleOf(first)
      joined[Symbol.dispose]()
      await first.stop()
      await using second = await startAuthority({ directory })
      assert.equal(second.pin, first.pin)
      assert.deepEqual((await bundleOf(second)).x509Der(), bundle.x509Der())
      const { instances } = await second.admin.unary<object, ListBotInstancesResponse__Output>(
        ADMIN,
        'ListBotInstances',
        {},
      )
      assert.deepEqual(
        instances.map(({ id }) => id),
        [joined.certificate.botInstanceId],
      )
      const { problems } = await second.admin.unary<object, VerifyAuditResponse__Output>(
        ADMIN,
        'VerifyAudit',
        {},
      )
      assert.deepEqual(problems, [])
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })

  it('ends open calls with UNAVAILABLE and leaves no socket behind', async () => {
    await using authority = await startAuthority()
    await authority.apply(RESOURCES)
    using bot = await joinBot(authority, 'builder')
    using sync = new SyncReader(bot)
    await sync.snapshot()
    const ended = assert.rejects(sync.next(), { status: 14 })
    await authority.stop()
    await ended
    assert.ok(!(await readdir(path.join(authority.directory, 'run'))).includes('admin.sock'))
  })

  it('serves only root and its own user on the admin socket', {
    skip: process.getuid?.() !== 0 && 'needs root',
  }, async () => {
    await using authority = await startAuthority()
    const { chmod } = await import('node:fs/promises')
    // Opens the modes, so that only the check of the peer's uid is left.
    for (const name of ['.', 'run', 'run/admin.sock'])
      await chmod(path.join(authority.directory, name), 0o777)
    const script = `const s=require('net').connect(process.argv[1]);s.on('connect',()=>s.write('PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n\\0\\0\\0\\4\\0\\0\\0\\0\\0'));s.on('data',()=>process.exit(7));s.on('close',()=>process.exit(3));s.on('error',()=>{})`
    const child = spawn(process.execPath, ['-e', script, authority.adminSocket], {
      uid: 65533,
      gid: 65533,
      cwd: '/',
    })
    const [code] = await once(child, 'exit')
    assert.equal(code, 3)
  })
})

async function pinOf(directory: string): Promise<string> {
  const authority = await startAuthority({ directory })
  await authority.stop()
  return authority.pin
}
