import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { ensurePrivateDirectory, makeDirectories } from '../../src/foundation/private-directory.ts'
import { temporaryDirectory } from '../support/authority-state.ts'

const modeOf = (directory: string): number => statSync(directory).mode & 0o777

describe('makeDirectories', () => {
  it('creates what is missing, with the mode, and returns what it made', async () => {
    await using place = await temporaryDirectory()
    const wanted = path.join(place.path, 'a', 'b', 'c')
    assert.deepEqual(
      makeDirectories(wanted, 0o700),
      ['a', 'a/b', 'a/b/c'].map((made) => path.join(place.path, made)),
    )
    assert.deepEqual([modeOf(wanted), modeOf(path.dirname(wanted))], [0o700, 0o700])
    assert.deepEqual(makeDirectories(wanted, 0o755), [])
    assert.equal(modeOf(wanted), 0o700)
  })

  it('is told that it made a directory only once, when two race for it', async () => {
    await using place = await temporaryDirectory()
    const names = Array.from({ length: 400 }, (_, n) => path.join(place.path, String(n)))
    const start = new Int32Array(new SharedArrayBuffer(4))
    const racer = `
      const { parentPort, workerData: { module, names, start } } = require('node:worker_threads')
      import(module).then(({ makeDirectories }) => {
        if (Atomics.add(start, 0, 1) === 0) Atomics.wait(start, 0, 1, 10_000)
        else Atomics.notify(start, 0)
        parentPort.postMessage(names.flatMap((name) => makeDirectories(name, 0o700)))
      })`
    const module = new URL('../../src/foundation/private-directory.ts', import.meta.url).href
    const race = () =>
      once(new Worker(racer, { eval: true, workerData: { module, names, start } }), 'message')
    const made = (await Promise.all([race(), race()])).flat(2)
    assert.deepEqual(made.sort(), names.sort())
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
