import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { parseAgentConfig } from '../../../src/config/agent-config.ts'
import { parseAuthorityConfig } from '../../../src/config/authority-config.ts'
import {
  configReference,
  RELOADABLE,
  type ReferenceName,
  referenceOf,
} from '../../../src/config/config-reference.ts'

/** The problems of a refused file. */
function problems(parse: () => unknown): string[] {
  try {
    parse()
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    assert.equal(code, 'ERR_CONFIG_INVALID')
    return message.split('\n')
  }
  return []
}

const PIN = `sha256:${'a'.repeat(64)}`

describe('authority.yaml', () => {
  it('needs only a version and a trust domain', () => {
    const config = parseAuthorityConfig(
      'version: 1\ntrust_domain: example.org\n',
      '/etc/signet/authority.yaml',
    )
    assert.equal(config.listen, '0.0.0.0:7443')
    assert.equal(config.lifetimes.bot_certificate, 3600)
    assert.equal(config.renewal_grace, 604_800)
    assert.equal(config.metrics, undefined)
    assert.ok(
      'path' in config.key_encryption_key && !config.key_encryption_key.path.startsWith(config.data_dir),
    )
  })

  it('resolves paths relative to the file', () => {
    const text =
      'version: 1\ntrust_domain: a\ndata_dir: ./d\nkey_encryption_key: { path: kek }\nadmin: { socket: s/a.sock }\n'
    const config = parseAuthorityConfig(text, '/srv/x/authority.yaml')
    assert.equal(config.data_dir, '/srv/x/d')
    assert.deepEqual(config.key_encryption_key, { path: '/srv/x/kek' })
    assert.equal(config.admin.socket, '/srv/x/s/a.sock')
  })

  it('reports every mistake with its line', () => {
    const found = problems(() =>
      parseAuthorityConfig(
        'version: 2\ntrust_domain: Example.org\nlisten: somewhere\nlog: { level: loud }\nlifetimes:\n  spiffe_ca: 30\n  typo: 1h\nkey_encryption_key: { file: x }\n',
        'a.yaml',
      ),
    )
    assert.deepEqual(
      found.map((line) => line.split(': ').slice(0, 2).join(' ')),
      [
        'a.yaml:1 version',
        'a.yaml:2 trust_domain',
        'a.yaml:8 key_encryption_key',
        'a.yaml:3 listen',
        'a.yaml:4 log.level',
        'a.yaml:6 lifetimes.spiffe_ca',
        'a.yaml:7 lifetimes.typo',
      ],
    )
  })

  it('refuses a trust domain whose SVIDs some client could not read', () => {
    const config = (name: string): string => `version: 1\ntrust_domain: ${name}\n`
    for (const name of [
      'example.org.',
      '.example.org',
      'a..b',
      '.',
      `${'a'.repeat(64)}.b`,
      `${'a.'.repeat(127)}b`,
    ]) {
      const found = problems(() => parseAuthorityConfig(config(name), 'a.yaml'))
      assert.match(found.join('\n'), /^a\.yaml:2: trust_domain: some clients could not read its SVIDs: /)
    }
    for (const name of ['a', 'my_td.example', '-a-.b', '10.0.0.1', `${'a.'.repeat(126)}b`])
      assert.equal(parseAuthorityConfig(config(name), 'a.yaml').trust_domain, name)
  })

  for (const [what, more, line] of [
    ['a key inside the data directory', 'data_dir: /x\nkey_encryption_key: { path: /x/y/kek }', 4],
    ['a key that is the data directory', 'data_dir: /x\nkey_encryption_key: { path: /x }', 4],
    ['a socket path longer than the kernel allows', `admin: { socket: /${'a'.repeat(107)} }`, 3],
    ['an issuing CA that outlives its root', 'lifetimes: { control_root: 1d, control_issuing: 2d }', 3],
    ['a bot certificate that outlives its CA', 'lifetimes: { control_issuing: 1h, bot_certificate: 2h }', 3],
  ] as const) {
    it(`refuses ${what}`, () => {
      const found = problems(() => parseAuthorityConfig(`version: 1\ntrust_domain: a\n${more}\n`, 'a.yaml'))
      assert.equal(found.length, 1)
      assert.ok(found[0]?.startsWith(`a.yaml:${line}: `), found.join('\n'))
    })
  }

  it('accepts a key beside the data directory whose name has the same prefix', () => {
    const text = 'version: 1\ntrust_domain: a\ndata_dir: /x/data\nkey_encryption_key: { path: /x/data-key }\n'
    assert.deepEqual(parseAuthorityConfig(text, 'a.yaml').key_encryption_key, { path: '/x/data-key' })
  })

  for (const text of ['', '# nothing', 'a', '[]', 'version: 1\n---\nversion: 1\n', '\t']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      for (const problem of problems(() => parseAuthorityConfig(text, 'a.yaml')))
        assert.match(problem, /^a\.yaml:\d+: /)
      assert.notDeepEqual(
        problems(() => parseAuthorityConfig(text, 'a.yaml')),
        [],
      )
    })
  }
})

describe('agent.yaml', () => {
  const minimal = `version: 1\nauthority: { address: "a:1", pin: "${PIN}" }\njoin: { token: t, secret_path: s }\n`

  it('has defaults for the rest, with the admin socket beside the other', () => {
    const config = parseAgentConfig(`${minimal}workload_api: { socket: run/a.sock }\n`, '/srv/agent.yaml')
    assert.equal(config.join.method, 'secret')
    assert.equal(config.join.secret_path, '/srv/s')
    assert.equal(config.workload_api.socket, '/srv/run/a.sock')
    assert.equal(config.admin.socket, '/srv/run/agent-admin.sock')
    assert.equal(config.workload_api.max_connections, 16_384)
    assert.equal(config.attestation.digest_max_bytes, 512 * 2 ** 20)
  })

  it("names Envoy's secrets as others do, and accepts other names", () => {
    assert.deepEqual(parseAgentConfig(minimal, 'a.yaml').sds, {
      default_svid_name: 'default',
      default_bundle_name: 'ROOTCA',
      default_all_bundles_name: 'ALL',
      require_metadata: false,
    })
    const { sds } = parseAgentConfig(`${minimal}sds: { default_svid_name: mine }\n`, 'a.yaml')
    assert.deepEqual([sds.default_svid_name, sds.default_bundle_name], ['mine', 'ROOTCA'])
  })

  for (const [name, key] of [
    ['""', 'default_svid_name'],
    ['"*"', 'default_svid_name'],
    ['"a b"', 'default_svid_name'],
    ['spiffe://example.org', 'default_bundle_name'],
    ['ROOTCA', 'default_all_bundles_name'],
    ['default', 'default_all_bundles_name'],
  ]) {
    it(`refuses ${name} as the ${key} of sds`, () => {
      const found = problems(() => parseAgentConfig(`${minimal}sds: { ${key}: ${name} }\n`, 'a.yaml'))
      assert.equal(found.length, 1)
      assert.match(found[0] ?? '', new RegExp(`^a\\.yaml:4: sds\\.${key}: `))
    })
  }

  it('refuses two sources for one secret', () => {
    const found = problems(() =>
      parseAgentConfig(minimal.replace('secret_path: s', 'secret_path: s, secret: { env: A }'), 'a.yaml'),
    )
    assert.match(found[0] ?? '', /^a\.yaml:3: join\.secret: /)
  })

  it('names the existing join methods when it is given another', () => {
    const found = problems(() =>
      parseAgentConfig(minimal.replace('token: t', 'token: t, method: oidc'), 'a.yaml'),
    )
    assert.deepEqual(found, ['a.yaml:3: join.method: expected "secret"'])
  })

  it('accepts no keys of other join methods', () => {
    const found = problems(() =>
      parseAgentConfig(minimal.replace('token: t', 'token: t, issuer: i'), 'a.yaml'),
    )
    assert.deepEqual(found, ['a.yaml:3: join.issuer: unknown key'])
  })

  it('reads flags, which are passed as JSON', () => {
    const config = parseAgentConfig(
      JSON.stringify({ version: 1, authority: { address: '[::1]:7443', pin: PIN }, join: { token: 't' } }),
      '(command line)',
    )
    assert.equal(config.authority.address, '[::1]:7443')
  })

  for (const address of ['a', 'a:', 'a:x', ':1', 'a:99999', 'http://a:1', 'a b:1', '::1:7443']) {
    it(`refuses the address ${address}`, () => {
      const found = problems(() => parseAgentConfig(minimal.replace('a:1', address), 'a.yaml'))
      assert.equal(found.length, 1)
      assert.match(found[0] ?? '', /^a\.yaml:2: authority\.address: /)
    })
  }
})

describe('configReference', () => {
  it('has a row for each key, with type, default and whether it is required', () => {
    const rows = new Map(configReference('agent.yaml').map((row) => [row.key, row]))
    assert.equal(rows.get('authority.pin')?.required, true)
    assert.equal(rows.get('metrics.listen')?.required, false)
    assert.equal(rows.get('join.method')?.default, '"secret"')
    assert.equal(rows.get('attestation.digest_timeout')?.type, 'duration, 100ms to 60s')
    assert.equal(rows.get('state_key')?.type, '{ path } or { env } or { credential }')
  })

  it('has a row for each setting that SIGHUP changes', () => {
    for (const [name, settings] of Object.entries(RELOADABLE)) {
      const keys = new Set(configReference(name as ReferenceName).map(({ key }) => key))
      assert.deepEqual(
        settings.filter((setting) => !keys.has(setting)),
        [],
      )
    }
  })

  it('has the keys of all alternatives, and the names that choose one', () => {
    const token = z.string()
    const schema = z.discriminatedUnion('method', [
      z.strictObject({ token, method: z.literal('secret').default('secret'), path: z.string() }),
      z.strictObject({ token, method: z.literal('oidc'), issuer: z.string() }),
      z.strictObject({ token, method: z.literal('tpm') }),
    ])
    assert.deepEqual(
      referenceOf(schema).map(({ key, type, required }) => [key, type, required]),
      [
        ['token', 'string', true],
        ['method', '"secret", "oidc", "tpm"', false],
        ['path', 'string', false],
        ['issuer', 'string', false],
      ],
    )
  })

  for (const name of [
    'authority.yaml',
    'agent.yaml',
    'metadata',
    'role',
    'bot',
    'join_token',
    'workload_identity',
    'lock',
  ] as const) {
    it(`of ${name} is not empty`, () => assert.ok(configReference(name).length > 0))
  }
})
