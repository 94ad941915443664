import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MAX_SOCKET_PATH_BYTES } from '../../../src/foundation/socket-path-limit.ts'
import { checkSocketPath } from '../../../src/peer/socket-path.ts'

describe('checkSocketPath', () => {
  it('accepts the longest path that fits into a socket address', () => {
    checkSocketPath(`/${'a'.repeat(MAX_SOCKET_PATH_BYTES - 1)}`)
  })
  for (const [what, path] of [
    ['one byte more', `/${'a'.repeat(MAX_SOCKET_PATH_BYTES)}`],
    ['characters of several bytes', `/${'é'.repeat(54)}`],
    ['a relative path', 'agent.sock'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => checkSocketPath(path), { code: 'ERR_PEER_SOCKET_PATH' })
    })
  }
})
