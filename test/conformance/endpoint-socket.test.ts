import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAgentConfig } from '../../src/config/agent-config.ts'
import { parseEndpointSocket } from '../../src/spiffe/endpoint-socket.ts'

describe('the address of an endpoint', () => {
  for (const [clause, uri, expected] of [
    ['WLEP-18', 'unix:///a/b.sock', { path: '/a/b.sock' }],
    ['WLEP-18', 'unix:/a/b.sock', { path: '/a/b.sock' }],
    ['WLEP-18', 'unix:///a%20b', { path: '/a b' }],
    ['WLEP-19', 'tcp://127.0.0.1:8000', { host: '127.0.0.1', port: 8000 }],
    ['WLEP-19', 'tcp://[::1]:8000', { host: '::1', port: 8000 }],
    ['WLEP-19', 'tcp://[fe80::1.2.3.4]:65535', { host: 'fe80::1.2.3.4', port: 65_535 }],
  ] as const) {
    it(`${clause}: reads ${uri}`, () => assert.deepEqual(parseEndpointSocket(uri), expected))
  }

  for (const [clause, uris] of [
    ['WLEP-18', ['unix:', 'unix://', 'unix:///', 'unix:///a/', 'unix:a/b.sock', 'unix://host/a']],
    ['WLEP-18', ['unix:///a?x', 'unix:///a?', 'unix:///a#f', 'unix:///a b', 'unix:///a\n']],
    ['WLEP-18', ['unix:///a%', 'unix:///a%00b', 'unix:///a%ff']],
    ['WLEP-19', ['tcp:127.0.0.1:80', 'tcp://localhost:8000', 'tcp://127.0.0.1', 'tcp://127.0.0.1:']],
    ['WLEP-19', ['tcp://127.0.0.1:0', 'tcp://127.0.0.1:65536', 'tcp://127.1:8000', 'tcp://0127.0.0.1:8000']],
    ['WLEP-19', ['tcp://127.0.0.1:8000/', 'tcp://127.0.0.1:8000/foo', 'tcp://127.0.0.1:8000?a']],
    ['WLEP-19', ['tcp://u@127.0.0.1:8000', 'tcp://::1:8000', 'tcp://[127.0.0.1]:8000', 'tcp://[::g]:8000']],
    ['WLEP-20', ['', '/a/b.sock', 'http://127.0.0.1:80', 'npipe:a']],
  ] as const) {
    for (const uri of uris) {
      it(`${clause}: refuses ${JSON.stringify(uri)}`, () => {
        assert.throws(() => parseEndpointSocket(uri), { code: 'ERR_SPIFFE_ENDPOINT_SOCKET_INVALID' })
      })
    }
  }
})

describe('the configuration of the agent', () => {
  it('WLEP-03, WLEP-16: has no setting for a TCP address of the Workload API', () => {
    for (const workload_api of [{ listen: '127.0.0.1:8000' }, { socket: 'tcp://127.0.0.1:8000' }]) {
      const config = {
        version: 1,
        authority: { address: 'localhost:7443', pin: `sha256:${'0'.repeat(64)}` },
        join: { token: 'first' },
      }
      const parse = (more: object) =>
        parseAgentConfig(JSON.stringify({ ...config, ...more }), '/etc/agent.yaml')
      parse({ workload_api: { socket: '/run/agent.sock' } })
      assert.throws(() => parse({ workload_api }), { code: 'ERR_CONFIG_INVALID' })
    }
  })
})
