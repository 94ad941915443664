import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { signet, signetProcess } from '../support/command.ts'
import { Daemon } from '../support/programs.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../support/stack.ts'

const UID = process.getuid?.() ?? 0

describe('a program that cannot be started', () => {
  for (const args of [
    ['agent', 'run', '--config', '/nothing/here.yaml'],
    ['agent', 'run', '--authority', 'a', '--check'],
  ]) {
    it(`signet ${args.join(' ')} ends with 2 and says why`, async () => {
      const { code, stdout, stderr } = await signetProcess(args)
      assert.equal(code, 2, stderr)
      assert.equal(stdout, '')
      assert.match(stderr, /^signet: \S/)
      assert.doesNotMatch(stderr, /\n\s+at /)
    })
  }
})

it('a command whose program is not running ends with 5 and names the socket', async () => {
  const { code, stderr } = await signetProcess(['get', 'bot', '--admin-socket', '/nothing/here.sock'])
  assert.equal(code, 5)
  assert.match(
    stderr,
    /^signet: cannot reach \/nothing\/here\.sock \(no such socket\): .*\? \(ERR_RPC_FAILED\)\n$/,
  )
})

it('does not use a default socket below a temporary directory of another user', {
  skip: UID === 0 ? false : 'needs root',
}, async () => {
  await using stack = new AsyncDisposableStack()
  const directory = await mkdtemp(path.join(tmpdir(), 'signet-'))
  stack.defer(() => rm(directory, { recursive: true }))
  await chmod(directory, 0o755)
  await mkdir(path.join(directory, 'signet-12345'))
  const env = { PATH: process.env['PATH'], TMPDIR: directory }
  for (const args of [
    ['get', 'bot'],
    ['svid', 'fetch', 'x509'],
    ['agent', 'status'],
  ]) {
    const { code, stderr } = await signetProcess(args, { env, uid: 12_345 })
    assert.equal(code, 2, stderr)
    assert.match(stderr, /signet-12345 is not a directory of yours/)
  }
})

const SYSTEM_NODE = '/usr/bin/node'
const systemVersion = (() => {
  try {
    return execFileSync(SYSTEM_NODE, ['--version'], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
})()
const isOld = /^v(?:\d|1\d|2[0-3])\./.test(systemVersion)

describe('on a runtime older than the floor', { skip: isOld ? false : `${SYSTEM_NODE} is not older` }, () => {
  const binary = path.resolve(import.meta.dirname, '../../bin/signet.js')

  it('continues on the runtime of the clone', () => {
    const said = execFileSync(SYSTEM_NODE, [binary, 'version'], { encoding: 'utf8' })
    assert.match(said, /Node 2[4-9]\./)
  })

  it('prints one sentence if there is none', () => {
    const env = { ...process.env, SIGNET_RUNTIME_FOUND: '1' }
    assert.throws(
      () => execFileSync(SYSTEM_NODE, [binary, 'version'], { env, encoding: 'utf8', stdio: 'pipe' }),
      (error: { status: number; stderr: string }) => {
        assert.equal(error.status, 78)
        assert.match(error.stderr, /^signet: needs Node 24\.15 or newer, and this is 2[0-3]\.[^\n]*\n$/)
        return true
      },
    )
  })
})

describe('the commands, with both programs running', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.start({ resources: `${DEFAULT_RESOURCES}---${identityFor(UID)}` })
    using client = stack.client()
    await client.first('FetchX509SVID')
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  const json = async (...args: string[]): Promise<unknown> =>
    JSON.parse((await stack.admin(...args, '--json')).stdout)

  it('diff shows changes and ends with 1; apply makes them; diff then ends with 0', async () => {
    const file = path.join(stack.directory, 'more.yaml')
    await writeFile(file, identityFor(4242, 'other'))
    const before = await stack.signet('diff', '-f', file)
    assert.equal(before.code, 1)
    assert.match(before.stdout, /^\+ {2}spiffe_id: \/other$/m)
    assert.match((await stack.admin('apply', '-f', file, '--dry-run')).stdout, /other created \(dry run\)/)
    assert.equal((await stack.signet('get', 'workload_identity', 'other')).code, 3)
    assert.match((await stack.admin('apply', '-f', file)).stdout, /workload_identity other created/)
    assert.equal((await stack.signet('diff', '-f', file)).code, 0)
    await stack.admin('delete', 'workload_identity', 'other')
  })

  it('get prints YAML that apply accepts', async () => {
    const { stdout } = await stack.admin('get', 'bot', 'builder')
    assert.match(stdout, /^kind: bot\n/)
    assert.match((await stack.apply(stdout)).stdout, /bot builder unchanged/)
  })

  it('bot create creates a bot, and refuses to create it again', async () => {
    await stack.admin('bot', 'create', 'second', '--role', 'everything', '--trait', 'team=pay')
    const [bot] = (await json('get', 'bot', 'second')) as [{ spec: object }]
    assert.deepEqual(bot.spec, { roles: ['everything'], traits: { team: 'pay' } })
    assert.equal((await stack.signet('bot', 'create', 'second')).code, 6)
  })

  it('token create prints a command that starts an agent', async () => {
    const made = (await json('token', 'create', '--bot', 'builder')) as Record<string, string>
    assert.equal(
      made['run'],
      `SIGNET_JOIN_SECRET=${made['secret']} signet agent run --authority ${stack.address} --pin ${stack.pin} --token ${made['name']}`,
    )
    const [, , , , ...args] = made['run'].split(' ')
    const checked = await signet(['agent', 'run', ...args, '--check'], {
      env: { SIGNET_JOIN_SECRET: made['secret'] },
    })
    assert.equal(checked.code, 0, checked.stderr)
  })

  it('token create warns of an address that only this machine knows', async () => {
    const { stderr } = await stack.admin('token', 'create', '--bot', 'builder')
    assert.match(stderr, /^warning: 127\.0\.0\.1:\d+ is this machine only: .* set public_address/)
  })

  it('delete bot says what stops, and needs --yes while agents are connected', async () => {
    const { code, stderr } = await stack.signet('delete', 'bot', 'builder')
    assert.equal(code, 6)
    assert.match(
      stderr,
      /bot builder has 1 agent, 1 connected \(.*\): .* lose their SVIDs: nothing was deleted/,
    )
    assert.equal((await stack.signet('get', 'bot', 'builder')).code, 0)
    await stack.admin('bot', 'create', 'unused')
    assert.equal((await stack.admin('delete', 'bot', 'unused')).stdout, 'bot unused deleted\n')
  })

  it('svid validate asks the agent, and ends with 1 for a token that is not valid', async () => {
    const [svid] = (await json('svid', 'fetch', 'jwt', '--audience', 'a')) as [{ token: string }]
    const token = path.join(stack.directory, 'good.jwt')
    await writeFile(token, svid.token)
    const good = await stack.admin('svid', 'validate', token, '--audience', 'a')
    assert.match(good.stdout, /valid: +yes\nSPIFFE ID: +spiffe:\/\/example\.org\/web\n/)
    const other = await stack.signet('svid', 'validate', token, '--audience', 'b', '--json')
    assert.deepEqual([other.code, JSON.parse(other.stdout).valid], [1, false])
    await writeFile(token, 'nonsense')
    const bad = await stack.signet('svid', 'validate', token, '--audience', 'a')
    assert.equal(bad.code, 1)
    assert.match(bad.stdout, /^not valid: /)
  })

  it('lock and unlock a target by its name', async () => {
    await stack.admin('lock', '--spiffe-id', 'spiffe://example.org/nobody', '--reason', 'test', '--ttl', '1h')
    const [lock] = (await json('get', 'lock')) as [
      { spec: { reason: string }; metadata: { expires: string } },
    ]
    assert.equal(lock.spec.reason, 'test')
    assert.match(lock.metadata.expires, /Z$/)
    await stack.admin('unlock', '--spiffe-id', 'spiffe://example.org/nobody')
    assert.deepEqual(await json('get', 'lock'), [])
    assert.equal((await stack.signet('unlock', '--spiffe-id', 'spiffe://example.org/nobody')).code, 3)
  })

  it('svid fetch --watch continues through a withdrawal', async () => {
    const target = ['--workload-identity', 'web']
    const socket = `unix://${stack.socket}`
    await using watch = new Daemon(['svid', 'fetch', 'x509', '--watch', '--socket', socket])
    await watch.says('spiffe://example.org/web')
    await stack.admin('lock', ...target)
    await watch.says('signet: retrying: no identity issued')
    const heard = watch.log.length
    await stack.admin('unlock', ...target)
    await watch.says('spiffe://example.org/web', heard)
  })

  it('a command that reaches the wrong program says so', async () => {
    const { code, stderr } = await signet(['get', 'bot', '--admin-socket', stack.socket])
    assert.equal(code, 2)
    assert.match(stderr, /agent\.sock does not know this call: is it the right program/)
  })

  it('explain says which identity a process gets, and why attributes get none', async () => {
    const granted = await stack.admin('explain', '--pid', String(process.pid))
    assert.match(granted.stdout, /web .*granted spiffe:\/\/example\.org\/web by allow\[0\]/)
    const file = path.join(stack.directory, 'attributes.json')
    await writeFile(file, JSON.stringify({ workload: { unix: { uid: UID + 1 } } }))
    const refused = await stack.admin('explain', '--attributes', file)
    assert.match(refused.stdout, /web .*not granted: .*workload\.unix\.uid/)
    assert.equal((await stack.signet('explain', '--pid', '4194304')).code, 3)
  })

  it('svid fetch writes a matching certificate, key and bundle; inspect reads them', async () => {
    const directory = path.join(stack.directory, 'svid')
    await stack.admin('svid', 'fetch', 'x509', '--write', directory)
    const certificate = new X509Certificate(await readFile(path.join(directory, 'svid.pem')))
    const root = new X509Certificate(await readFile(path.join(directory, 'bundle.pem')))
    assert.ok(certificate.checkPrivateKey(createPrivateKey(await readFile(path.join(directory, 'svid.key')))))
    assert.ok(certificate.verify(root.publicKey))
    assert.equal((await stat(path.join(directory, 'svid.key'))).mode & 0o777, 0o600)
    const inspected = (await json('svid', 'inspect', path.join(directory, 'svid.pem'))) as {
      spiffeId: string
    }
    assert.equal(inspected.spiffeId, 'spiffe://example.org/web')
  })

  it('svid fetch jwt prints the token and its contents', async () => {
    const [svid] = (await json('svid', 'fetch', 'jwt', '--audience', 'a', '--audience', 'b')) as [
      { token: string; claims: { sub: string; aud: string[] } },
    ]
    assert.equal(svid.claims.sub, 'spiffe://example.org/web')
    assert.deepEqual(svid.claims.aud, ['a', 'b'])
    const file = path.join(stack.directory, 'token')
    await writeFile(file, svid.token)
    assert.match(
      (await stack.admin('svid', 'inspect', file)).stdout,
      /SPIFFE ID: spiffe:\/\/example\.org\/web/,
    )
  })

  it('bundle fetch returns the same keys from agent and authority', async () => {
    for (const format of ['pem', 'jwks']) {
      const [agent, authority] = [
        await stack.admin('bundle', 'fetch', '--format', format),
        await stack.admin('bundle', 'fetch', '--format', format, '--authority'),
      ]
      assert.equal(agent.stdout, authority.stdout)
    }
    assert.match((await stack.admin('bundle', 'fetch')).stdout, /"use":"x509-svid"/)
  })

  it('ca list and ca rotate show the keys', async () => {
    const cas = (await json('ca', 'list')) as { purpose: string; state: string }[]
    assert.deepEqual(
      cas.filter(({ state }) => state === 'active').map(({ purpose }) => purpose),
      ['control_root', 'control_issuing', 'spiffe_x509', 'jwt'],
    )
    const rotated = (await json('ca', 'rotate', 'jwt', '--now')) as { purpose: string; state: string }[]
    assert.ok(rotated.some(({ purpose, state }) => purpose === 'jwt' && state === 'retired'))
  })

  it('status shows both programs and the joined instance', async () => {
    const authority = (await json('authority', 'status')) as { connectedAgents: number }
    assert.equal(authority.connectedAgents, 1)
    const agent = (await json('agent', 'status')) as { bot: string; botInstanceId: string }
    assert.equal(agent.bot, 'builder')
    const [instance] = (await json('get', 'bot_instance')) as [{ id: string }]
    assert.equal(instance.id, agent.botInstanceId)
  })

  it('audit list filters, and audit verify finds the log intact', async () => {
    const events = (await json('audit', 'list', '--event', 'join.*')) as { event: string }[]
    assert.deepEqual(
      events.map(({ event }) => event),
      ['join.accepted'],
    )
    assert.equal(((await json('audit', 'list', '--limit', '3')) as object[]).length, 3)
    assert.match((await stack.admin('audit', 'verify')).stdout, /^the audit log is intact: /)
  })
})
