import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatHostPort, parseHostPort } from '../../../src/foundation/host-port.ts'

describe('parseHostPort', () => {
  for (const [text, host, port] of [
    ['authority.example.org:7443', 'authority.example.org', 7443],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['[::1]:65535', '::1', 65_535],
    ['[fe80::1%eth0]:1', 'fe80::1%eth0', 1],
  ] as const) {
    it(`reads ${text} and writes it back`, () => {
      assert.deepEqual(parseHostPort(text), { host, port })
      assert.equal(formatHostPort({ host, port }), text)
    })
  }

  const WRONG = ['', 'a', 'a:', ':1', '::1:1', '[::1]', '[a]:1', '[::1', 'a b:1', 'a/b:1', 'a:65536', 'a:-1']
  for (const text of [...WRONG, 'https://a:1', 'a:1/', 'a:1:1', 'a:123456']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseHostPort(text), { code: 'ERR_HOST_PORT_INVALID' })
    })
  }
})
