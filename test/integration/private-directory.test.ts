import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { ensurePrivateDirectory, makeDirectories } from '../../src/foundation/private-directory.ts'
import { temporaryDirectory } from '../support/authority-state.ts'

const modeOf = (directory: string): number => statSync(directory).mode & 0o777

describe('makeDirectories', () => {
  it('creates what is missing, with the mode, and returns the first of it', async () => {
    await using place = await temporaryDirectory()
    const wanted = path.join(place.path, 'a', 'b', 'c')
    assert.equal(makeDirectories(wanted, 0o700), path.join(place.path, 'a'))
    assert.deepEqual([modeOf(wanted), modeOf(path.dirname(wanted))], [0o700, 0o700])
    assert.equal(makeDirectories(wanted, 0o755), undefined)
    assert.equal(modeOf(wanted), 0o700)
  })

  it('names what is in the way', async () => {
    await using place = await temporaryDirectory()
    const file = path.join(place.path, 'file')
    writeFileSync(file, '')
    symlinkSync('nowhere', path.join(place.path, 'link'))
    const cases: readonly (readonly [string, RegExp])[] = [
      [file, /^cannot write \S+: \S+\/file is not a directory$/],
      [path.join(file, 'a', 'b'), /^cannot write \S+: \S+\/file is not a directory$/],
      [path.join(place.path, 'link', 'a'), /^cannot write \S+: /],
    ]
    for (const [directory, message] of cases)
      assert.throws(() => makeDirectories(directory, 0o700), { code: 'ERR_FILE_WRITE', message })
  })

  it('fails where the kernel lets nobody create a directory', () => {
    assert.throws(() => makeDirectories('/proc/signet/data', 0o700), {
      code: 'ERR_FILE_WRITE',
      message: 'cannot write /proc/signet: no directory can be created in /proc',
    })
  })
})

describe('ensurePrivateDirectory', () => {
  it('refuses a directory that others may enter, and leaves it alone', async () => {
    await using place = await temporaryDirectory()
    const open = path.join(place.path, 'open')
    mkdirSync(open)
    chmodSync(open, 0o755)
    await assert.rejects(ensurePrivateDirectory(open), { code: 'ERR_FILE_NOT_PRIVATE' })
    assert.equal(modeOf(open), 0o755)
  })

  it('stops an authority whose data_dir is in /proc', async () => {
    await using place = await temporaryDirectory()
    const file = path.join(place.path, 'config.yaml')
    const key = path.join(place.path, 'key')
    const data = '/proc/signet'
    writeFileSync(
      file,
      `version: 1\ntrust_domain: example.org\nlisten: "127.0.0.1:0"\ndata_dir: ${data}\nkey_encryption_key: { path: ${key} }\n`,
    )
    const args = ['bin/signet.js', 'authority', 'run', '--config', file]
    const { status, stderr } = spawnSync(process.execPath, args, { timeout: 20_000, encoding: 'utf8' })
    assert.match(stderr, /cannot write \/proc\/signet: no directory can be created in \/proc/)
    assert.equal(status, 5)
  })
})
