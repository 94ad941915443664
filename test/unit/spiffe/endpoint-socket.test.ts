import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseEndpointSocket } from '../../../src/spiffe/endpoint-socket.ts'

describe('parseEndpointSocket', () => {
  for (const [uri, expected] of [
    ['unix:///a/b.sock', { path: '/a/b.sock' }],
    ['unix:/a/b.sock', { path: '/a/b.sock' }],
    ['unix:///a%20b', { path: '/a b' }],
    ['tcp://127.0.0.1:8000', { host: '127.0.0.1', port: 8000 }],
    ['tcp://[::1]:8000', { host: '::1', port: 8000 }],
    ['tcp://[fe80::1.2.3.4]:65535', { host: 'fe80::1.2.3.4', port: 65_535 }],
  ] as const) {
    it(`reads ${uri}`, () => {
      assert.deepEqual(parseEndpointSocket(uri), expected)
    })
  }
  for (const uri of [
    '',
    '/a/b.sock',
    'unix:',
    'unix://',
    'unix:///',
    'unix:///a/',
    'unix:a/b.sock',
    'unix://host/a',
    'unix:///a?x',
    'unix:///a?',
    'unix:///a#f',
    'unix:///a b',
    'unix:///a\n',
    'unix:///a%',
    'unix:///a%00b',
    'unix:///a%ff',
    'http://127.0.0.1:80',
    'npipe:a',
    'tcp:127.0.0.1:80',
    'tcp://localhost:8000',
    'tcp://127.0.0.1',
    'tcp://127.0.0.1:',
    'tcp://127.0.0.1:0',
    'tcp://127.0.0.1:65536',
    'tcp://127.0.0.1:8000/',
    'tcp://127.0.0.1:8000/foo',
    'tcp://127.0.0.1:8000?a',
    'tcp://u@127.0.0.1:8000',
    'tcp://127.1:8000',
    'tcp://0127.0.0.1:8000',
    'tcp://::1:8000',
    'tcp://[127.0.0.1]:8000',
    'tcp://[::g]:8000',
  ]) {
    it(`refuses ${JSON.stringify(uri)}`, () => {
      assert.throws(() => parseEndpointSocket(uri), { code: 'ERR_SPIFFE_ENDPOINT_SOCKET_INVALID' })
    })
  }
})
