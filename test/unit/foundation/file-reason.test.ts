import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileReason, readReason } from '../../../src/foundation/file-reason.ts'

const failure = (code: string): Error => Object.assign(new Error(`${code}: text of the system`), { code })

describe('why a file is not accessible', () => {
  for (const [code, says] of [
    ['ENOSPC', 'the disk is full'],
    ['EACCES', 'permission denied'],
    ['EEXIST', 'a file is in the way'],
    ['EWHAT', 'EWHAT: text of the system'],
  ] as const) {
    it(`describes ${code} as: ${says}`, () => assert.equal(fileReason(failure(code)), says))
  }

  it('says that the directory is missing or, when reading, the file', () => {
    assert.equal(fileReason(failure('ENOENT')), 'the directory does not exist')
    assert.equal(readReason(failure('ENOENT')), 'it does not exist')
  })
})
