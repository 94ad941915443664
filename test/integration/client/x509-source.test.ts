import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { X509Source, type X509SourceOptions } from '../../../src/client/x509-source.ts'
import type { CodedError } from '../../../src/foundation/errors.ts'
import { RpcError, StatusCode } from '../../../src/rpc/status.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { FakeRandom } from '../../fakes/fake-random.ts'
import { until } from '../../support/patience.ts'
import { ScriptedSource } from '../../support/scripted-source.ts'
import type { ScriptedCall } from '../../support/scripted-workload-api.ts'
import { type Serving, startServing } from '../../support/serving.ts'

const UID = process.getuid?.() ?? 0
const WEB = { spiffe_id: '/web', hint: 'web', allow: [{ match: { 'workload.unix.uid': UID } }] }
const ADMIN = { ...WEB, spiffe_id: '/admin', hint: 'admin' }
const NOBODY = { spiffe_id: '/nobody', allow: [{ match: { 'workload.unix.uid': 4242 } }] }
const WEB_ID = 'spiffe://example.org/web'

const connectTo = (serving: Serving, more: X509SourceOptions = {}): Promise<X509Source> =>
  X509Source.connect({ address: `unix://${serving.socket}`, ...more })

describe('a source in front of an agent', () => {
  it('finds the agent by SPIFFE_ENDPOINT_SOCKET, unless an address is given', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    const before = process.env['SPIFFE_ENDPOINT_SOCKET']
    try {
      process.env['SPIFFE_ENDPOINT_SOCKET'] = `unix://${serving.socket}`
      await using found = await X509Source.connect()
      assert.equal(String(found.svid.spiffeId), WEB_ID)
      process.env['SPIFFE_ENDPOINT_SOCKET'] = 'unix:///nobody/is/here.sock'
      await using told = await connectTo(serving)
      assert.equal(String(told.svid.spiffeId), WEB_ID)
      delete process.env['SPIFFE_ENDPOINT_SOCKET']
      await assert.rejects(X509Source.connect(), { code: 'ERR_CLIENT_ENDPOINT_UNKNOWN' })
    } finally {
      if (before === undefined) delete process.env['SPIFFE_ENDPOINT_SOCKET']
      else process.env['SPIFFE_ENDPOINT_SOCKET'] = before
    }
  })

  for (const address of ['unix://host/x.sock', 'tcp://localhost:1', 'http://127.0.0.1:1', '']) {
    it(`refuses ${address || 'an empty address'}`, async () => {
      await assert.rejects(X509Source.connect({ address }), { code: 'ERR_SPIFFE_ENDPOINT_SOCKET_INVALID' })
    })
  }

  it('has the first SVID, or the one picked by hint, by ID or by a function', async () => {
    await using serving = await startServing({ identities: { web: WEB, admin: ADMIN } })
    const idBy = async (pick: X509SourceOptions['pick']): Promise<string> => {
      await using source = await connectTo(serving, { pick })
      return source.svid.spiffeId.path
    }
    await using source = await connectTo(serving)
    assert.equal(source.svid, source.svids[0])
    assert.deepEqual(source.svids.map(({ hint }) => hint).sort(), ['admin', 'web'])
    assert.equal(await idBy({ hint: 'web' }), '/web')
    assert.equal(await idBy({ spiffeId: 'spiffe://example.org/admin' }), '/admin')
    assert.equal(await idBy((svids) => svids.at(-1)), source.svids.at(-1)?.spiffeId.path)
  })

  it('takes a rotated SVID and a new CA, and notifies listeners and watchers', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    await using source = await connectTo(serving)
    const [before, seen] = [source.svid, [] as string[]]
    let told = 0
    using _subscription = source.subscribe(() => {
      told += 1
    })
    await serving.issuer.rotate()
    serving.learn()
    for await (const svid of source.watch()) {
      seen.push(svid.leaf.serial)
      if (
        svid.leaf.serial !== before.leaf.serial &&
        source.bundleFor('example.org')?.x509Authorities.length === 2
      )
        break
    }
    assert.equal(seen[0], before.leaf.serial)
    assert.ok(told > 0)
    assert.equal(source.problem, undefined)
  })

  it('keeps its SVIDs while the agent is down, and reconnects by itself', async () => {
    const first = await startServing({ identities: { web: WEB } })
    const problems: CodedError[] = []
    await using source = await connectTo(first, { onProblem: (problem) => problems.push(problem) })
    const before = source.svid
    await first[Symbol.asyncDispose]()
    await until(() => problems.length > 0)
    assert.equal(source.svid, before)
    await using _again = await startServing({ identities: { web: WEB }, directory: first.directory })
    await until(() => source.problem === undefined)
    assert.notEqual(source.svid.leaf.serial, before.leaf.serial)
    assert.ok(problems.every(({ kind }) => kind === 'unavailable'))
  })

  it('waits for an identity that is not yet granted', async () => {
    await using serving = await startServing({ identities: { nobody: NOBODY } })
    const problems: CodedError[] = []
    const connecting = connectTo(serving, { onProblem: (problem) => problems.push(problem) })
    await until(() => problems.length > 0)
    assert.equal((problems[0] as RpcError).status, StatusCode.PERMISSION_DENIED)
    serving.learn({}, { web: WEB })
    await using source = await connecting
    assert.equal(String(source.svid.spiffeId), WEB_ID)
  })

  it('has no SVID once everything is withdrawn, and has one again when it is granted', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    await using source = await connectTo(serving)
    serving.learn({}, { nobody: NOBODY })
    await until(() => source.svids.length === 0)
    assert.throws(() => source.svid, {
      code: 'ERR_CLIENT_NO_SVID',
      reason: 'withdrawn',
      message: /no identity/,
    })
    assert.equal(source.bundleFor('example.org'), undefined)
    serving.learn({}, { web: WEB })
    await until(() => source.svids.length > 0)
    assert.equal(String(source.svid.spiffeId), WEB_ID)
  })

  it('can exist twice, independently of each other', async () => {
    await using serving = await startServing({ identities: { web: WEB, admin: ADMIN } })
    const one = await connectTo(serving, { pick: { hint: 'web' } })
    await using other = await connectTo(serving, { pick: { hint: 'admin' } })
    await one.close()
    assert.throws(() => one.svid, { code: 'ERR_CLIENT_NO_SVID', reason: 'closed' })
    await serving.issuer.rotate()
    serving.learn()
    await until(() => other.bundleFor('example.org')?.x509Authorities.length === 2)
    assert.equal(other.svid.spiffeId.path, '/admin')
  })
})

describe('a source', () => {
  it('sends the required metadata, over TCP as well', async () => {
    for (const kind of ['unix', 'tcp'] as const) {
      await using scripted = await ScriptedSource.start(kind)
      const connecting = scripted.connect()
      const call = await scripted.api.call()
      assert.equal(call.headers['workload.spiffe.io'], 'true')
      assert.equal(call.headers[':path'], '/SpiffeWorkloadAPI/FetchX509SVID')
      call.send({ svids: [await scripted.domain.issue('/web')] })
      await using source = await connecting
      assert.equal(String(source.svid.spiffeId), WEB_ID)
      await source.close()
      await call.closed
    }
  })

  it('uses TCP keepalive to detect a dead server', async () => {
    await using scripted = await ScriptedSource.start('tcp')
    const [source] = await scripted.connected()
    await using _closing = source
    const port = Number(new URL(scripted.api.address).port)
    const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
    const sockets = (): string[] => readFileSync('/proc/self/net/tcp', 'utf8').split('\n')
    // proc_net_tcp(5): timer 02 is keepalive; other timers are temporary.
    await until(() =>
      sockets().some((line) => line.includes(remote) && line.trim().split(/[\s:]+/)[8] === '02'),
    )
  })

  it('never returns an expired SVID, and gives the reason why there is no newer one', async () => {
    await using scripted = await ScriptedSource.start()
    const [source, call] = await scripted.connected()
    await using _closing = source
    call.end(StatusCode.UNAVAILABLE, 'the authority is away')
    await until(() => source.problem !== undefined)
    scripted.clock.jump(3_602_000)
    assert.throws(() => source.svid, {
      code: 'ERR_CLIENT_NO_SVID',
      reason: 'expired',
      message: /authority is away/,
    })
  })

  it('is waited for no longer than the timeout, and then gives the reason', async () => {
    await using serving = await startServing({ identities: { nobody: NOBODY } })
    await assert.rejects(connectTo(serving, { timeoutMs: 200 }), {
      code: 'ERR_CLIENT_SOURCE_NOT_READY',
      message: /in time from unix:\/\/.*no identity issued/,
    })
    await assert.rejects(X509Source.connect({ address: 'unix:///nobody/is/here.sock', timeoutMs: 50 }), {
      code: 'ERR_CLIENT_SOURCE_NOT_READY',
      message: /\/nobody\/is\/here\.sock \(no such socket\)/,
    })
  })

  it('is waited for 30 s, or for ever where that is asked for', async () => {
    await using scripted = await ScriptedSource.start()
    const connecting = scripted.connect()
    await scripted.api.call()
    scripted.clock.advance(30_000)
    await assert.rejects(connecting, {
      code: 'ERR_CLIENT_SOURCE_NOT_READY',
      message: /^no X.509-SVID in time from unix:\/\/.*: the Workload API has said nothing yet$/,
    })
    const waiting = scripted.connect({ timeoutMs: Number.POSITIVE_INFINITY })
    const call = await scripted.nextCall()
    scripted.clock.advance(1_000_000)
    call.send({ svids: [await scripted.domain.issue('/web')] })
    await (await waiting).close()
  })

  it('is aborted by its signal while it connects, and leaves no call behind', async () => {
    await using scripted = await ScriptedSource.start()
    const controller = new AbortController()
    const connecting = scripted.connect({ signal: controller.signal })
    const call = await scripted.api.call()
    controller.abort()
    await assert.rejects(connecting, { code: 'ERR_CLIENT_SOURCE_NOT_READY' })
    await call.closed
    await assert.rejects(scripted.connect({ signal: AbortSignal.abort() }), {
      code: 'ERR_CLIENT_SOURCE_NOT_READY',
    })
  })

  it('does not wait for ever for a socket that accepts and then sends nothing', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-mute-'))
    const mute = net
      .createServer((socket) => socket.on('error', () => {}))
      .listen(path.join(directory, 'a.sock'))
    try {
      await once(mute, 'listening')
      const [clock, problems] = [new FakeClock(Date.now()), [] as CodedError[]]
      const controller = new AbortController()
      const connecting = X509Source.connect(
        {
          address: `unix://${directory}/a.sock`,
          signal: controller.signal,
          onProblem: (problem) => problems.push(problem),
        },
        { clock, random: new FakeRandom('mute') },
      )
      await once(mute, 'connection')
      clock.advance(10_000)
      await until(() => problems.length > 0)
      assert.match(problems[0]?.message ?? '', /\(timeout\)/)
      controller.abort()
      await assert.rejects(connecting, { code: 'ERR_CLIENT_SOURCE_NOT_READY' })
    } finally {
      mute.close()
      await rm(directory, { recursive: true, force: true })
    }
  })

  it('reports a server that speaks HTTP but not gRPC', async () => {
    await using scripted = await ScriptedSource.start()
    const connecting = scripted.connect({ timeoutMs: 60_000 })
    ;(await scripted.api.call()).answer(404)
    await until(() => scripted.problems.length > 0)
    assert.match(scripted.problems[0]?.message ?? '', /HTTP status 404: it is no gRPC server/)
    ;(await scripted.nextCall()).send({ svids: [await scripted.domain.issue('/web')] })
    await using source = await connecting
    assert.equal(source.problem, undefined)
  })

  for (const [what, send] of [
    ['compresses without being asked to', (call: ScriptedCall) => call.send(Buffer.from('x'), true)],
    ['announces a message of a gigabyte', (call: ScriptedCall) => call.send(Buffer.alloc(17 * 1024 * 1024))],
  ] as const) {
    it(`disconnects from a server that ${what}`, async () => {
      await using scripted = await ScriptedSource.start()
      const [source, call] = await scripted.connected()
      await using _closing = source
      send(call)
      await until(() => scripted.problems.length > 0)
      assert.ok(scripted.problems[0] instanceof RpcError)
      await scripted.nextCall()
      assert.equal(source.svid.spiffeId.path, '/web')
    })
  }
})
