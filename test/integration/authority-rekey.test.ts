import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { RpcClient } from '../../src/rpc/client.ts'
import type { VerifyAuditResponse__Output } from '../../src/rpc/gen/signet/v1/VerifyAuditResponse.ts'
import { type AttackedData, createSampleData, logged, type SampleData } from '../support/altered-database.ts'
import { joinBot, renewBot } from '../support/bot-client.ts'
import { startAuthority, type TestAuthority } from '../support/start-authority.ts'

const SERVICE = 'signet.v1.AdminService'
const BINARY = path.resolve(import.meta.dirname, '../../bin/signet.js')
const rekey = (client: RpcClient, key = Buffer.alloc(0)) => client.unary(SERVICE, 'Rekey', { key })
const verify = ({ admin }: TestAuthority) =>
  admin.unary<object, VerifyAuditResponse__Output>(SERVICE, 'VerifyAudit', {})

let sample: SampleData
before(async () => {
  sample = await createSampleData()
})
after(() => sample?.[Symbol.asyncDispose]())

const kekOf = (data: Pick<AttackedData, 'directory'>): string => path.join(data.directory, 'keys', 'kek')
const headKeyOf = (data: Pick<AttackedData, 'directory'>): string =>
  path.join(data.directory, 'data', 'audit-head.key')

/** Simulates a change of key that was interrupted between its commit and its last step. */
async function cutShort(data: AttackedData, steps: { headKey: boolean }): Promise<void> {
  const old = { kek: await readFile(kekOf(data)), headKey: await readFile(headKeyOf(data)) }
  const authority = await data.start()
  await rekey(authority.admin)
  await authority.stop()
  await writeFile(`${kekOf(data)}.next`, await readFile(kekOf(data)), { mode: 0o600 })
  await writeFile(kekOf(data), old.kek, { mode: 0o600 })
  if (steps.headKey) return
  await writeFile(`${headKeyOf(data)}.next`, await readFile(headKeyOf(data)), { mode: 0o600 })
  await writeFile(headKeyOf(data), old.headKey, { mode: 0o600 })
}

async function works(authority: TestAuthority): Promise<void> {
  using bot = await joinBot(authority, 'builder')
  using renewed = await renewBot(authority, bot)
  assert.equal(Number(renewed.certificate.generation), 2)
  assert.deepEqual((await verify(authority)).problems, [])
}

describe('a change of the key-encryption key', () => {
  it('covers keys, seals and the head key while the authority runs, and the old key opens nothing any more', async () => {
    await using data = await sample.copy()
    const old = await readFile(kekOf(data))
    const first = await data.start()
    using bot = await joinBot(first, 'builder')
    await rekey(first.admin)
    assert.notDeepEqual(await readFile(kekOf(data)), old)
    using renewed = await renewBot(first, bot)
    await works(first)
    await first.admin.unary(SERVICE, 'RotateCa', { purpose: 'jwt', now: true })
    await first.stop()
    assert.deepEqual((await readdir(path.dirname(kekOf(data)))).sort(), ['kek'])
    const second = await data.start()
    await works(second)
    assert.ok(renewed.certificate)
    await second.stop()
    await writeFile(kekOf(data), old)
    await assert.rejects(data.start(), { code: 'ERR_CA_WRONG_SEALING_KEY' })
  })

  it('accepts a given key once, and records it in the audit log', async () => {
    await using data = await sample.copy()
    await using authority = await data.start()
    const key = Buffer.alloc(32, 5)
    await rekey(authority.admin, key)
    assert.equal((await readFile(kekOf(data), 'utf8')).trim(), key.toString('hex'))
    await assert.rejects(rekey(authority.admin, key), /the new key is the one that is in use/)
    await assert.rejects(rekey(authority.admin, Buffer.alloc(16)), /exactly 32 bytes/)
    assert.equal(logged(authority, 'key_encryption_key.changed').length, 1)
    assert.ok(!authority.log.join('').includes(key.toString('hex')))
  })

  for (const headKey of [false, true]) {
    it(`is completed at the next start if it was interrupted after its commit, ${headKey ? 'with' : 'before'} the head key`, async () => {
      await using data = await sample.copy()
      await cutShort(data, { headKey })
      await using authority = await data.start()
      await works(authority)
      assert.deepEqual((await readdir(path.dirname(kekOf(data)))).sort(), ['kek'])
    })
  }

  it('is dropped at the next start if it was interrupted before its commit', async () => {
    await using data = await sample.copy()
    await writeFile(`${kekOf(data)}.next`, `${'ab'.repeat(32)}\n`, { mode: 0o600 })
    await writeFile(`${headKeyOf(data)}.next`, 'sealed under the key that never was')
    await using authority = await data.start()
    await works(authority)
    assert.deepEqual((await readdir(path.dirname(kekOf(data)))).sort(), ['kek'])
    assert.ok(!(await readdir(path.dirname(headKeyOf(data)))).includes('audit-head.key.next'))
  })

  it('refuses a key that it cannot write to the key file, and accepts one that the operator puts there', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-rekey-'))
    try {
      process.env['SIGNET_TEST_KEK'] = 'ab'.repeat(32)
      const options = { directory, kek: '{ env: SIGNET_TEST_KEK }' }
      const first = await startAuthority(options)
      await assert.rejects(
        rekey(first.admin),
        /comes from \$SIGNET_TEST_KEK, where the authority cannot change it: make a key/,
      )
      await rekey(first.admin, Buffer.alloc(32, 9))
      await first.stop()
      await assert.rejects(startAuthority(options), { code: 'ERR_CA_WRONG_SEALING_KEY' })
      process.env['SIGNET_TEST_KEK'] = Buffer.alloc(32, 9).toString('hex')
      const second = await startAuthority(options)
      await second.stop()
    } finally {
      delete process.env['SIGNET_TEST_KEK']
      await rm(directory, { recursive: true, force: true })
    }
  })
})

describe('an authority that is killed while its key-encryption key changes', () => {
  it('restarts each time with its data intact', async () => {
    await using data = await sample.copy()
    for (let round = 0; round < 4; round++) {
      await changeUntilKilled(data.directory)
      const authority = await data.start()
      await works(authority)
      await authority.stop()
    }
  })
})

/** Runs a process that changes the key again and again, and kills it at a random moment. */
async function changeUntilKilled(directory: string): Promise<void> {
  const socket = path.join(directory, 'run', 'admin.sock')
  await writeFile(
    path.join(directory, 'authority.yaml'),
    [
      'version: 1',
      'trust_domain: example.org',
      'data_dir: data',
      'key_encryption_key: { path: keys/kek }',
      'admin: { socket: run/admin.sock }',
      'listen: 127.0.0.1:0',
    ].join('\n'),
  )
  const args = [BINARY, 'authority', 'run', '--config', path.join(directory, 'authority.yaml')]
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(child, 'exit')
  for await (const chunk of child.stderr ?? []) if (String(chunk).includes('authority is ready')) break
  child.stderr?.resume()
  const client = new RpcClient({ target: { unixPath: socket } })
  let changes = 0
  const changing = (async () => {
    for (;;) {
      await rekey(client)
      changes++
    }
  })().catch(() => undefined)
  while (changes === 0) await setTimeout(5)
  await setTimeout(60 * Math.random())
  child.kill('SIGKILL')
  await exited
  await changing
  client.close()
}
