import assert from 'node:assert/strict'
import {
  chmodSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { writeFileSet } from '../../src/foundation/file-set.ts'
import { OwnDirectory } from '../../src/foundation/own-directory.ts'
import { jwtSvidFiles } from '../../src/spiffe/svid-files.ts'

const MALLORY = 31_337
const NEEDS_ROOT = process.getuid?.() === 0 ? false : 'needs root'

describe('a directory for secrets', () => {
  let place: string
  const at = (...parts: readonly string[]): string => path.join(place, ...parts)
  beforeEach(() => {
    place = mkdtempSync(path.join(tmpdir(), 'signet-own-'))
    mkdirSync(at('real'))
  })
  afterEach(() => rmSync(place, { recursive: true }))

  for (const wanted of [
    'real',
    'new/below/it',
    './real//',
    'real/../real',
    'link',
    'link/sub',
    'far/../real',
  ]) {
    it(`is reached as ${wanted}`, async () => {
      symlinkSync('real', at('link'))
      symlinkSync(at('real'), at('far'))
      await writeFileSet(`${place}/${wanted}`, jwtSvidFiles('token'))
      assert.equal(await readFile(`${place}/${wanted}/svid.jwt`, 'utf8'), 'token')
      assert.equal(statSync(`${place}/${wanted}/svid.jwt`).mode & 0o777, 0o600)
    })
  }

  for (const wanted of ['link', 'link/sub', 'real/link', 'own/link'])
    it(`is refused if ${wanted} leads through a link of another user`, { skip: NEEDS_ROOT }, async () => {
      symlinkSync('real', at('own'))
      for (const link of [at('link'), at('real', 'link')]) {
        symlinkSync('/tmp', link)
        lchownSync(link, MALLORY, MALLORY)
      }
      await assert.rejects(writeFileSet(at(wanted), jwtSvidFiles('token')), { code: 'ERR_FILE_FOREIGN_PATH' })
    })

  for (const mode of [0o1777, 0o777]) {
    it(`is refused if another user created it in a directory that is open to all (${mode.toString(8)})`, {
      skip: NEEDS_ROOT,
    }, async () => {
      chmodSync(place, mode)
      lchownSync(at('real'), MALLORY, MALLORY)
      await assert.rejects(writeFileSet(at('real', 'sub'), jwtSvidFiles('token')), {
        code: 'ERR_FILE_FOREIGN_PATH',
      })
    })
  }

  it('is refused if its links form a cycle, or a file is in the way', async () => {
    symlinkSync('b', at('a'))
    symlinkSync('a', at('b'))
    await assert.rejects(writeFileSet(at('a'), jwtSvidFiles('token')), { code: 'ERR_FILE_FOREIGN_PATH' })
    await writeFile(at('file'), '')
    await assert.rejects(writeFileSet(at('file'), jwtSvidFiles('token')), { code: 'ERR_FILE_WRITE' })
  })

  it('stays the same if another is put in its place', async () => {
    using directory = OwnDirectory.open(at('real'))
    renameSync(at('real'), at('moved'))
    symlinkSync('/tmp', at('real'))
    await writeFile(directory.fileNamed('file'), 'x')
    assert.equal(await readFile(at('moved', 'file'), 'utf8'), 'x')
  })

  it('replaces a link in place of a file, and never writes to its target', async () => {
    await writeFile(at('victim'), 'untouched')
    symlinkSync(at('victim'), at('real', 'svid.jwt'))
    await writeFileSet(at('real'), jwtSvidFiles('token'))
    assert.equal(await readFile(at('victim'), 'utf8'), 'untouched')
    assert.throws(() => readlinkSync(at('real', 'svid.jwt')), { code: 'EINVAL' })
  })
})
