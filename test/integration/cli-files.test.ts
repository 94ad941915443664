import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { loadOrCreateKey, loadSecret } from '../../src/config/secret-source.ts'
import { readPrivateFile, writeFileAtomically } from '../../src/foundation/atomic-file.ts'
import { ensurePrivateDirectory } from '../../src/foundation/private-directory.ts'
import { systemRandom } from '../../src/foundation/random.ts'

let directory: string
const file = (...parts: string[]): string => path.join(directory, ...parts)

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'signet-'))
})
afterEach(async () => rm(directory, { recursive: true, force: true }))

describe('writeFileAtomically', () => {
  it('replaces a file, with exactly the requested mode', async () => {
    const before = process.umask(0o077)
    try {
      await writeFile(file('a'), 'old')
      await writeFileAtomically(file('a'), 'new', { mode: 0o644 })
    } finally {
      process.umask(before)
    }
    assert.equal(await readFile(file('a'), 'utf8'), 'new')
    assert.equal((await stat(file('a'))).mode & 0o777, 0o644)
  })

  it('leaves only the old file when it cannot write', async () => {
    await mkdir(file('a'))
    await writeFile(file('a', 'inside'), '')
    await assert.rejects(writeFileAtomically(file('a'), 'new', { mode: 0o600 }), { code: 'ERR_FILE_WRITE' })
    assert.deepEqual(await readdir(directory), ['a'])
  })

  for (const [where, reason] of [
    ['nothing/a', 'the directory does not exist'],
    ['/proc/signet', 'the directory does not exist'],
  ] as const) {
    it(`says of ${where} that ${reason}`, async () => {
      const wanted = path.resolve(directory, where)
      await assert.rejects(writeFileAtomically(wanted, 'x', { mode: 0o600 }), {
        message: `cannot write ${wanted}: ${reason}`,
      })
    })
  }

  it('says that a disk is full', { skip: process.getuid?.() === 0 ? false : 'needs root' }, async () => {
    await assert.rejects(writeFileAtomically('/dev/full/a', 'x', { mode: 0o600 }), { code: 'ERR_FILE_WRITE' })
  })

  it('never mixes the content of two writers', async () => {
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(100_000))
    await Promise.all(texts.map((text) => writeFileAtomically(file('x'), text, { mode: 0o600 })))
    assert.ok(texts.includes(await readFile(file('x'), 'utf8')))
    assert.deepEqual(await readdir(directory), ['x'])
  })
})

describe('readPrivateFile', () => {
  for (const mode of [0o604, 0o640, 0o620, 0o777]) {
    it(`refuses mode ${mode.toString(8)}`, async () => {
      await writeFile(file('a'), 'secret')
      await chmod(file('a'), mode)
      await assert.rejects(readPrivateFile(file('a')), { code: 'ERR_FILE_NOT_PRIVATE' })
    })
  }
  it('refuses a directory and a missing file', async () => {
    for (const wanted of [directory, file('nothing')]) {
      await assert.rejects(readPrivateFile(wanted), { code: 'ERR_FILE_NOT_PRIVATE' })
    }
  })
})

describe('ensurePrivateDirectory', () => {
  it('creates one of mode 0700, also with its parents', async () => {
    await ensurePrivateDirectory(file('a', 'b'))
    assert.equal((await stat(file('a', 'b'))).mode & 0o777, 0o700)
  })
  it('refuses one that is open to others, and does not change it', async () => {
    await mkdir(file('a'), { mode: 0o755 })
    await assert.rejects(ensurePrivateDirectory(file('a')), { code: 'ERR_FILE_NOT_PRIVATE' })
    assert.equal((await stat(file('a'))).mode & 0o777, 0o755)
  })
  it('refuses a path that leads through a file', async () => {
    await writeFile(file('a'), '')
    await assert.rejects(ensurePrivateDirectory(file('a', 'b')), { code: 'ERR_FILE_WRITE' })
  })
})

describe('a secret', () => {
  it('is read from a file without its last line break, from a variable, or from a systemd credential', async () => {
    await writeFile(file('secret'), 'abc\n', { mode: 0o600 })
    assert.equal((await loadSecret({ path: file('secret') }, {})).toString(), 'abc')
    assert.equal((await loadSecret({ env: 'A' }, { A: 'abc' })).toString(), 'abc')
    assert.equal(
      (await loadSecret({ credential: 'secret' }, { CREDENTIALS_DIRECTORY: directory })).toString(),
      'abc',
    )
  })
  it('that is missing is an error that names its source', async () => {
    await assert.rejects(loadSecret({ env: 'A' }, {}), { message: 'the environment variable A is not set' })
    await assert.rejects(loadSecret({ credential: 'x' }, {}), { code: 'ERR_SECRET_UNAVAILABLE' })
    await assert.rejects(loadSecret({ credential: 'x' }, { CREDENTIALS_DIRECTORY: directory }), {
      code: 'ERR_SECRET_UNAVAILABLE',
    })
  })
})

describe('a key', () => {
  it('is created once, private, and is the same the next time', async () => {
    const source = { path: file('keys', 'kek') }
    const made = await loadOrCreateKey(source, {}, systemRandom)
    assert.equal(made.length, 32)
    assert.deepEqual(await loadOrCreateKey(source, {}, systemRandom), made)
    assert.equal((await stat(source.path)).mode & 0o777, 0o600)
  })
  it('that is gone is not created again if something needs the old one', async () => {
    const source = { path: file('keys', 'gone') }
    await assert.rejects(loadOrCreateKey(source, {}, systemRandom, { isNeeded: true }), (error: Error) => {
      assert.match(error.message, /restore/)
      return error.message.includes(source.path)
    })
    await assert.rejects(stat(source.path), { code: 'ENOENT' })
  })
  it('is read as bytes, hex or base64', async () => {
    const key = Buffer.alloc(32, 10) // ten is a line break
    await writeFile(file('raw'), key, { mode: 0o600 })
    assert.deepEqual(await loadOrCreateKey({ path: file('raw') }, {}, systemRandom), key)
    for (const text of [key.toString('hex'), `${key.toString('base64')}`]) {
      assert.deepEqual(await loadOrCreateKey({ env: 'K' }, { K: text }, systemRandom), key)
    }
  })
  it('that is invalid is refused without showing it, and not replaced', async () => {
    await writeFile(file('kek'), 'not a key', { mode: 0o600 })
    await assert.rejects(
      loadOrCreateKey({ path: file('kek') }, {}, systemRandom),
      (error: Error) => !error.message.includes('not a key'),
    )
    assert.equal(await readFile(file('kek'), 'utf8'), 'not a key')
  })
})
