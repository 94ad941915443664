import assert from 'node:assert/strict'
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { before, describe, it } from 'node:test'
import { HeadsFile } from '../../src/authority/audit/heads-file.ts'
import { generateKeyPair, type KeyPair } from '../../src/crypto/keys.ts'
import { temporaryDirectory } from '../support/authority-state.ts'

describe('the file of signed heads', () => {
  let key: KeyPair
  before(async () => {
    key = await generateKeyPair('ed25519')
  })

  /** Signs heads for the sequences from `first` to `last`. */
  const sign = async (file: HeadsFile, first: number, last: number): Promise<void> => {
    for (let sequence = first; sequence <= last; sequence += 1) {
      await file.append({ sequence, hash: Buffer.alloc(32, sequence) }, sequence * 1000)
    }
  }
  /** Like `sign`, in a file that it opens and closes. */
  const signInto = async (name: string, last: number, maxLines?: number): Promise<void> => {
    await using file = await HeadsFile.open(name, key, maxLines)
    await sign(file, 1, last)
  }
  const sequences = async (file: HeadsFile): Promise<number[]> => {
    const { heads, badLines } = await file.read()
    assert.deepEqual(badLines, [])
    return heads.map(({ sequence }) => sequence)
  }

  it('drops old heads when it is long, keeps its mode, and the rest still verifies', async () => {
    await using directory = await temporaryDirectory()
    const name = path.join(directory.path, 'heads')
    await using file = await HeadsFile.open(name, key, 4)
    await sign(file, 1, 5)
    assert.deepEqual(await sequences(file), [3, 4, 5])
    await sign(file, 6, 9)
    assert.deepEqual(await sequences(file), [7, 8, 9])
    assert.equal((await stat(name)).mode & 0o777, 0o600)
  })

  it('continues after a restart, also after old heads were dropped', async () => {
    await using directory = await temporaryDirectory()
    const name = path.join(directory.path, 'heads')
    await signInto(name, 5, 4)
    await using again = await HeadsFile.open(name, key, 4)
    assert.equal(again.last?.sequence, 5)
    await sign(again, 6, 7)
    assert.deepEqual(await sequences(again), [5, 6, 7])
  })

  it('reveals that a head was removed from the middle, or changed', async () => {
    await using directory = await temporaryDirectory()
    const name = path.join(directory.path, 'heads')
    await using file = await HeadsFile.open(name, key)
    await sign(file, 1, 4)
    const lines = (await readFile(name, 'utf8')).split('\n')
    await writeFile(name, lines.toSpliced(1, 1).join('\n'))
    assert.deepEqual((await file.read()).badLines, [2])
    await writeFile(name, lines.with(2, (lines[2] ?? '').replace('3000', '3001')).join('\n'))
    assert.deepEqual((await file.read()).badLines, [3, 4])
  })

  it('drops an incomplete line that a crash left', async () => {
    await using directory = await temporaryDirectory()
    const name = path.join(directory.path, 'heads')
    await signInto(name, 2)
    await appendFile(name, '{"v":1,"sequence":3')
    await using file = await HeadsFile.open(name, key)
    await sign(file, 3, 3)
    assert.deepEqual(await sequences(file), [1, 2, 3])
  })

  it('names the file that it cannot open', async () => {
    await using directory = await temporaryDirectory()
    await assert.rejects(HeadsFile.open(directory.path, key), {
      code: 'ERR_AUDIT_HEADS_INVALID',
      message: new RegExp(`^cannot open ${directory.path}: `),
    })
  })
})
