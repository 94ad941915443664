import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkSocketPath, LONGEST_SOCKET_PATH } from '../../../src/peer/socket-path.ts'

describe('checkSocketPath', () => {
  it('accepts the longest path that a socket address holds', () => {
    checkSocketPath(`/${'a'.repeat(LONGEST_SOCKET_PATH - 1)}`)
  })
  for (const [what, path] of [
    ['one byte more', `/${'a'.repeat(LONGEST_SOCKET_PATH)}`],
    ['characters of several bytes', `/${'é'.repeat(54)}`],
    ['a relative path', 'agent.sock'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => checkSocketPath(path), { code: 'ERR_PEER_SOCKET_PATH' })
    })
  }
})
