import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import type { StoredIdentity } from '../../src/agent/state/bot-identity.ts'
import { formatStoredIdentity } from '../../src/agent/state/bot-identity.ts'
import { DataDirectory } from '../../src/agent/state/data-directory.ts'
import { IdentityFile } from '../../src/agent/state/identity-file.ts'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import { loadSealingKey } from '../../src/crypto/sealed.ts'
import { createLogger } from '../../src/foundation/logger.ts'

const key = loadSealingKey(Buffer.alloc(32, 1))
const identity: StoredIdentity = {
  trustDomain: 'example.org',
  roots: [Buffer.from('root')],
  joinToken: 'first',
  nextKey: await generateKeyPair(),
}
const SECRET = formatStoredIdentity(identity)

async function place() {
  const directory = await mkdtemp(path.join(tmpdir(), 'signet-agent-state-'))
  const log: string[] = []
  const logger = createLogger({ destination: { write: (line) => void log.push(line) } })
  const data = path.join(directory, 'signet-agent')
  const former = path.join(directory, 'signet', 'agent')
  const open = () => DataDirectory.open(data, former, logger)
  const remove = () => rm(directory, { recursive: true, force: true })
  return { directory, data, former, log, logger, open, [Symbol.asyncDispose]: remove }
}

async function makeFormer(former: string): Promise<void> {
  await mkdir(former, { recursive: true, mode: 0o700 })
  await writeFile(path.join(former, 'bot-identity.json'), SECRET, { mode: 0o600 })
}

describe('the bot identity on disk', () => {
  it('is sealed: its keys cannot be read, and another state key does not open it', async () => {
    await using at = await place()
    using data = await at.open()
    const file = await IdentityFile.open(data, key, at.logger)
    await file.save(identity)
    const bytes = await readFile(data.identityPath, 'latin1')
    assert.ok(!bytes.includes('next_key') && !bytes.includes('example.org'))
    assert.equal((await stat(data.identityPath)).mode & 0o777, 0o600)
    const again = await IdentityFile.open(data, key, at.logger)
    assert.equal(again.stored && formatStoredIdentity(again.stored), SECRET)
    const stranger = await IdentityFile.open(data, loadSealingKey(Buffer.alloc(32, 2)), at.logger)
    assert.equal(stranger.stored, undefined)
    assert.match(at.log.join(''), /identity\.unreadable/)
  })

  it('is migrated from the plain file of an earlier version, which is removed', async () => {
    await using at = await place()
    await makeFormer(at.data)
    using data = await at.open()
    const file = await IdentityFile.open(data, key, at.logger)
    assert.equal(file.stored && formatStoredIdentity(file.stored), SECRET)
    assert.match(at.log.join(''), /"event":"identity\.sealed"/)
    assert.deepEqual((await readdir(at.data)).sort(), ['agent.lock', 'bot-identity.sealed'])
  })

  it('removes a plain file that a crash left beside the sealed one', async () => {
    await using at = await place()
    using data = await at.open()
    await (await IdentityFile.open(data, key, at.logger)).save(identity)
    await writeFile(data.plainIdentityPath, 'whatever', { mode: 0o600 })
    const file = await IdentityFile.open(data, key, at.logger)
    assert.equal(file.stored && formatStoredIdentity(file.stored), SECRET)
    assert.ok(!(await readdir(at.data)).includes('bot-identity.json'))
  })
})

describe('an agent’s data directory that an earlier version kept inside the authority’s', () => {
  it('is moved as a whole, once, and the log says so', async () => {
    await using at = await place()
    await makeFormer(at.former)
    const first = await at.open()
    assert.equal(await readFile(first.plainIdentityPath, 'utf8'), SECRET)
    await assert.rejects(stat(at.former), { code: 'ENOENT' })
    assert.match(at.log.join(''), /"event":"state\.moved"/)
    await assert.rejects(at.open(), { code: 'ERR_AGENT_RUNNING' })
    first[Symbol.dispose]()
    using _second = await at.open()
    assert.equal(at.log.join('').split('state.moved').length, 2)
  })

  it('is not moved while an agent of that version uses it', async () => {
    await using at = await place()
    await makeFormer(at.former)
    using _running = await DataDirectory.open(at.former, undefined, at.logger)
    await assert.rejects(at.open(), { code: 'ERR_AGENT_RUNNING' })
  })

  it('stays if it cannot be moved, with an error that says what to do', {
    skip: process.getuid?.() === 0 && 'root may',
  }, async () => {
    await using at = await place()
    await makeFormer(at.former)
    await chmod(path.dirname(at.former), 0o500)
    await assert.rejects(at.open(), { code: 'ERR_AGENT_DATA_NOT_MOVED', message: /mv .* or set data_dir/ })
    await chmod(path.dirname(at.former), 0o700)
  })

  it('does not replace a newer data directory', async () => {
    await using at = await place()
    ;(await at.open())[Symbol.dispose]()
    await makeFormer(at.former)
    using data = await at.open()
    assert.equal(data.isSealed, false)
    assert.equal((await stat(at.former)).isDirectory(), true)
  })
})
