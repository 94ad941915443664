import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { type ParsedResource, parseResources } from '../../src/config/resources.ts'
import { compileWorkloadIdentity } from '../../src/policy/compile.ts'
import { type Finished, signet } from '../support/command.ts'

const PAIR = ['--service', 'web', '--upstream', 'spiffe://example.org/api'] as const
const deploy = path.resolve(import.meta.dirname, '../../deploy/envoy')

// biome-ignore lint/suspicious/noExplicitAny: the tests look into a document of another program
type Any = any

const bootstrap = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> =>
  signet(['envoy', 'bootstrap', ...args], { env: { SPIFFE_ENDPOINT_SOCKET: '', SIGNET_HOME: '', ...env } })

/** The configuration that Envoy would read. */
async function configuration(...args: readonly string[]): Promise<Any> {
  const { code, stdout, stderr } = await bootstrap(args)
  assert.equal(code, 0, stderr)
  return parse(stdout)
}

const named = (list: Any, name: string): Any => list.find((one: Any) => one.name === name)
const contextOf = (socket: Any): Any => socket.typed_config
const peersOf = (context: Any): string[] =>
  context.common_tls_context.combined_validation_context.default_validation_context.match_typed_subject_alt_names.map(
    ({ san_type, matcher }: Any) => `${san_type} ${matcher.exact}`,
  )
const secretsOf = ({ common_tls_context: common }: Any): Any[] => [
  common.tls_certificate_sds_secret_configs[0],
  common.combined_validation_context.validation_context_sds_secret_config,
]

describe('signet envoy bootstrap', () => {
  it('prints both halves of a pair, each of which talks only to the other service', async () => {
    const { node, static_resources: made } = await configuration(...PAIR)
    assert.deepEqual(node, { id: 'web', cluster: 'web' })
    const inbound = contextOf(named(made.listeners, 'inbound').filter_chains[0].transport_socket)
    const upstream = contextOf(named(made.clusters, 'upstream').transport_socket)
    assert.equal(inbound.require_client_certificate, true)
    for (const context of [inbound, upstream]) {
      assert.deepEqual(peersOf(context), ['URI spiffe://example.org/api'])
      assert.deepEqual(
        secretsOf(context).map(({ name }) => name),
        ['default', 'spiffe://example.org'],
      )
      for (const { sds_config } of secretsOf(context)) {
        assert.equal(sds_config.resource_api_version, 'V3')
        assert.equal(sds_config.api_config_source.api_type, 'GRPC')
        assert.equal(sds_config.api_config_source.transport_api_version, 'V3')
      }
    }
  })

  it('resumes no TLS session on either half', async () => {
    const { static_resources: made } = await configuration(...PAIR)
    const inbound = contextOf(named(made.listeners, 'inbound').filter_chains[0].transport_socket)
    assert.equal(inbound.disable_stateless_session_resumption, true)
    assert.equal(inbound.disable_stateful_session_resumption, true)
    assert.equal(contextOf(named(made.clusters, 'upstream').transport_socket).max_session_keys, 0)
  })

  it('uses delta xDS for every secret if requested', async () => {
    const { stdout } = await bootstrap([...PAIR, '--delta', '--json'])
    assert.equal(stdout.match(/"api_type": "DELTA_GRPC"/g)?.length, 4)
    assert.doesNotMatch(stdout, /"GRPC"/)
  })

  it('requests one identity if the service is given by its SPIFFE ID', async () => {
    const id = 'spiffe://example.org/svc/web'
    const made = await configuration('--service', id, '--upstream', 'spiffe://example.org/api')
    assert.equal(made.node.cluster, 'svc/web')
    const upstream = contextOf(named(made.static_resources.clusters, 'upstream').transport_socket)
    assert.equal(secretsOf(upstream)[0].name, id)
  })

  it('trusts all bundles for callers of several trust domains, and one bundle for those of one', async () => {
    const callers = ['spiffe://example.org/a', 'spiffe://partner.example/b', 'spiffe://example.org/a']
    const made = await configuration('--service', 'api', ...callers.flatMap((id) => ['--downstream', id]))
    const [listener, another] = made.static_resources.listeners
    const context = contextOf(listener.filter_chains[0].transport_socket)
    assert.deepEqual(peersOf(context), ['URI spiffe://example.org/a', 'URI spiffe://partner.example/b'])
    assert.equal(secretsOf(context)[1].name, 'ALL')
    assert.equal(another, undefined)
    const foreign = await configuration('--service', 'api', '--upstream', 'spiffe://partner.example/b')
    const upstream = contextOf(named(foreign.static_resources.clusters, 'upstream').transport_socket)
    assert.equal(secretsOf(upstream)[1].name, 'spiffe://partner.example')
  })

  it('omits the half that is not wanted', async () => {
    const { static_resources: made } = await configuration(...PAIR, '--only', 'outbound')
    assert.deepEqual(
      made.listeners.map(({ name }: Any) => name),
      ['outbound'],
    )
    assert.equal(named(made.clusters, 'app'), undefined)
  })

  it('finds the upstream by the last segment of its ID, or at the given address', async () => {
    const addressOf = ({ static_resources: made }: Any): Any => {
      const { type, load_assignment } = named(made.clusters, 'upstream')
      return { type, ...load_assignment.endpoints[0].lb_endpoints[0].endpoint.address }
    }
    assert.deepEqual(addressOf(await configuration(...PAIR)), {
      type: 'STRICT_DNS',
      socket_address: { address: 'api', port_value: 8443 },
    })
    assert.deepEqual(addressOf(await configuration(...PAIR, '--upstream-address', '[::1]:9')), {
      type: 'STATIC',
      socket_address: { address: '::1', port_value: 9 },
    })
  })

  it('accepts Unix sockets for every address, and takes the agent from the environment', async () => {
    const flags = ['--listen', '--local-app', '--outbound-listen', '--upstream-address', '--admin']
    const { stdout } = await bootstrap([...PAIR, ...flags.flatMap((flag) => [flag, `unix:/s${flag}`])], {
      SPIFFE_ENDPOINT_SOCKET: 'unix:///run/my%20agent.sock',
    })
    for (const flag of flags) assert.ok(stdout.includes(`pipe: { path: /s${flag} }`), flag)
    assert.ok(stdout.includes('pipe: { path: /run/my agent.sock }'))
    assert.doesNotMatch(stdout, /socket_address/)
  })

  it('quotes words like `on` or `y`, which YAML 1.1 readers such as Envoy take for booleans', async () => {
    for (const word of ['on', 'y', 'No']) {
      const { stdout } = await bootstrap(['--service', word, '--upstream', `spiffe://example.org/${word}`])
      const { node, static_resources: made } = parse(stdout, { version: '1.1' })
      const { endpoint } = named(made.clusters, 'upstream').load_assignment.endpoints[0].lb_endpoints[0]
      assert.deepEqual([node.id, node.cluster, endpoint.address.socket_address.address], [word, word, word])
    }
  })

  it('has an admin interface on loopback only, or none', async () => {
    assert.deepEqual((await configuration(...PAIR)).admin.address.socket_address, {
      address: '127.0.0.1',
      port_value: 9901,
    })
    assert.equal((await configuration(...PAIR, '--admin', 'none')).admin, undefined)
  })

  it('passes the caller’s ID to the program, except in TCP mode', async () => {
    const filterOf = ({ static_resources: made }: Any): Any =>
      named(made.listeners, 'inbound').filter_chains[0].filters[0].typed_config
    const http = filterOf(await configuration(...PAIR))
    assert.equal(http.forward_client_cert_details, 'SANITIZE_SET')
    assert.equal(http.set_current_client_cert_details.uri, true)
    assert.match(filterOf(await configuration(...PAIR, '--tcp'))['@type'], /TcpProxy$/)
  })

  it('prints the same as JSON', async () => {
    const { stdout } = await bootstrap([...PAIR, '--json'])
    assert.deepEqual(JSON.parse(stdout), await configuration(...PAIR))
  })

  it('has a heading with the command that reproduces it', async () => {
    const { stdout } = await bootstrap(PAIR, { SPIFFE_ENDPOINT_SOCKET: 'unix:///run/my%20agent.sock' })
    assert.equal(await printedAgain(stdout), stdout)
  })

  it('quotes the arguments in that command for a shell', async () => {
    const path = "unix:/s/a b;$(id)'s.sock"
    const { stdout } = await bootstrap([...PAIR, '--local-app', path])
    const [, command = ''] = /^# Made by: signet envoy bootstrap (.*)$/m.exec(stdout) ?? []
    const printed = execFileSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' })
    assert.deepEqual(printed.trimEnd().split('\n'), [...PAIR, '--local-app', path])
  })

  const refused: readonly (readonly [string, RegExp])[] = [
    ['--service web', /give --upstream, --downstream or both/],
    ['--service web --upstream example.org/api', /--upstream: not a SPIFFE ID/],
    ['--service web --upstream spiffe://example.org', /--upstream: .* is a trust domain/],
    ['--service web --downstream spiffe://example.org/a%0Ab', /--downstream: not a SPIFFE ID/],
    ['--service spiffe://example.org/ --upstream spiffe://e/a', /--service: not a SPIFFE ID/],
    ['--service a:b --upstream spiffe://e/a', /--service: expected/],
    ['--service web --upstream spiffe://e/a --listen localhost:8443', /--listen: expected the IP address/],
    ['--service web --upstream spiffe://e/a --listen 0.0.0.0:65536', /--listen: expected host:port/],
    [
      '--service web --upstream spiffe://e/a --upstream-address api',
      /--upstream-address: expected host:port/,
    ],
    ['--service web --upstream spiffe://e/a --local-app 127.0.0.1:0', /--local-app: nothing is at port 0/],
    ['--service web --upstream spiffe://e/a --admin unix:relative', /--admin: expected host:port/],
    ['--service web --upstream spiffe://e/a --only outbound --listen 0.0.0.0:1', /--listen has no meaning/],
    ['--service api --downstream spiffe://e/a --upstream-address a:1', /--upstream-address has no meaning/],
    ['--service web --upstream spiffe://e/a --socket unix:///a%0Ab', /--socket: the path has control/],
    ['--service web --upstream spiffe://e/a --socket tcp://127.0.0.1:1', /is a TCP endpoint/],
    [`--service web --upstream spiffe://e/a --socket unix:///${'a'.repeat(108)}`, /at most 107/],
  ]
  for (const [args, reason] of refused) {
    it(`refuses ${args.slice(0, 90)}`, async () => {
      const { code, stdout, stderr } = await bootstrap(args.split(' '))
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, reason)
    })
  }
})

/** The output of the command in a bootstrap's heading. */
async function printedAgain(text: string): Promise<string> {
  const [, args = ''] = /^# Made by: signet envoy bootstrap (.*)$/m.exec(text) ?? []
  return (await bootstrap(args.split(' '))).stdout
}

describe('the files in deploy/envoy', () => {
  const read = (name: string): string => readFileSync(path.join(deploy, name), 'utf8')

  it('are all covered by this test', () => {
    assert.deepEqual(globSync('*', { cwd: deploy }).sort(), ['api.yaml', 'resources.yaml', 'web.yaml'])
  })

  for (const name of ['web.yaml', 'api.yaml']) {
    it(`${name} is the output of the command in its heading`, async () => {
      assert.equal(await printedAgain(read(name)), read(name))
    })
  }

  it('are a pair: each names the identity of the other', () => {
    const { resources, problems } = parseResources(read('resources.yaml'), 'resources.yaml')
    assert.deepEqual(problems, [])
    const defaults = { trustDomain: 'example.org', x509TtlSeconds: 3600, jwtTtlSeconds: 300 }
    for (const { name, labels, spec } of resources as ParsedResource<'workload_identity'>[]) {
      compileWorkloadIdentity({ name, revision: '1', labels, spec }, defaults)
      const other = name === 'web' ? 'api.yaml' : 'web.yaml'
      assert.match(read(other), new RegExp(`exact: spiffe://example\\.org${spec.spiffe_id} `))
    }
    assert.equal(resources.length, 2)
  })
})
