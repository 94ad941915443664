import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
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
import { type ScriptedCall, ScriptedWorkloadApi } from '../../support/scripted-workload-api.ts'
import { type Serving, startServing } from '../../support/serving.ts'
import { nowSeconds, TestDomain } from '../../support/test-domain.ts'

const UID = process.getuid?.() ?? 0
const WEB = { spiffe_id: '/web', hint: 'web', allow: [{ match: { 'workload.unix.uid': UID } }] }
const ADMIN = { ...WEB, spiffe_id: '/admin', hint: 'admin' }
const NOBODY = { spiffe_id: '/nobody', allow: [{ match: { 'workload.unix.uid': 4242 } }] }
const WEB_ID = 'spiffe://example.org/web'

const connectTo = (serving: Serving, more: X509SourceOptions = {}): Promise<X509Source> =>
  X509Source.connect({ address: `unix://${serving.socket}`, ...more })

describe('a source in front of an agent', () => {
  it('finds it by SPIFFE_ENDPOINT_SOCKET, over which an explicit address wins', async () => {
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

  it('has the first SVID, or the one that is picked by hint, by ID or by a function', async () => {
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

  it('takes over a rotated SVID and a new CA, and tells listeners and watchers', async () => {
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

  it('keeps what it has while the agent is away, and comes back to it by itself', async () => {
    const first = await startServing({ identities: { web: WEB } })
    const { socket } = first
    const problems: CodedError[] = []
    await using source = await connectTo(first, { onProblem: (problem) => problems.push(problem) })
    const before = source.svid
    await first[Symbol.asyncDispose]()
    await until(() => problems.length > 0)
    assert.equal(source.svid, before)
    await using _again = await startServing({ identities: { web: WEB }, socket })
    await until(() => source.problem === undefined)
    assert.notEqual(source.svid.leaf.serial, before.leaf.serial)
    assert.ok(problems.every(({ kind }) => kind === 'unavailable'))
  })

  it('waits for an identity that is not granted yet', async () => {
    await using serving = await startServing({ identities: { nobody: NOBODY } })
    const problems: CodedError[] = []
    const connecting = connectTo(serving, { onProblem: (problem) => problems.push(problem) })
    await until(() => problems.length > 0)
    assert.equal((problems[0] as RpcError).status, StatusCode.PERMISSION_DENIED)
    serving.learn({}, { web: WEB })
    await using source = await connecting
    assert.equal(String(source.svid.spiffeId), WEB_ID)
  })

  it('is nobody as soon as everything is withdrawn, and somebody again when it is given back', async () => {
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

  it('may be there twice, each with its own life', async () => {
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

/** A source whose time stands still, and whose Workload API says what the test writes. */
class Scripted implements AsyncDisposable {
  readonly api: ScriptedWorkloadApi
  readonly domain: TestDomain
  readonly clock = new FakeClock(Date.now())
  readonly problems: CodedError[] = []

  private constructor(api: ScriptedWorkloadApi, domain: TestDomain) {
    this.api = api
    this.domain = domain
  }

  static async start(kind?: 'unix' | 'tcp'): Promise<Scripted> {
    return new Scripted(await ScriptedWorkloadApi.listen(kind), await TestDomain.create())
  }

  connect(options: X509SourceOptions = {}): Promise<X509Source> {
    return X509Source.connect(
      { address: this.api.address, onProblem: (problem) => this.problems.push(problem), ...options },
      { clock: this.clock, random: new FakeRandom('source') },
    )
  }

  /** A source that was served once, and the call that serves it. */
  async connected(): Promise<[X509Source, ScriptedCall]> {
    const connecting = this.connect()
    const call = await this.api.call()
    call.send({ svids: [await this.domain.issue('/web')] })
    return [await connecting, call]
  }

  /** Lets pauses pass until the client calls again. */
  async nextCall(): Promise<ScriptedCall> {
    while (this.api.waiting === 0) {
      this.clock.advance(100)
      await new Promise((resolve) => setImmediate(resolve))
    }
    return this.api.call()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]()
  }
}

describe('an update', () => {
  const BAD: readonly (readonly [string, (scripted: Scripted) => Promise<object | Buffer>])[] = [
    ['that is no message', async () => Buffer.from('garbage')],
    ['without an SVID', async () => ({ svids: [] })],
    [
      'with an empty bundle',
      async ({ domain }) => ({ svids: [{ ...(await domain.issue('/web')), bundle: Buffer.alloc(0) }] }),
    ],
    [
      'with an empty chain',
      async ({ domain }) => ({ svids: [{ ...(await domain.issue('/web')), x509Svid: Buffer.alloc(0) }] }),
    ],
    [
      'whose key is no key',
      async ({ domain }) => ({ svids: [{ ...(await domain.issue('/web')), x509SvidKey: Buffer.from('x') }] }),
    ],
    [
      'whose key is another one',
      async ({ domain }) => {
        const [svid, other] = await Promise.all([domain.issue('/web'), domain.issue('/web')])
        return { svids: [{ ...svid, x509SvidKey: other.x509SvidKey }] }
      },
    ],
    [
      'whose certificate is for another ID than it says',
      async ({ domain }) => ({
        svids: [{ ...(await domain.issue('/web')), spiffeId: domain.idOf('/admin') }],
      }),
    ],
    [
      'whose certificate has expired',
      async ({ domain }) => ({
        svids: [await domain.issue('/web', { notBefore: nowSeconds() - 90, notAfter: nowSeconds() - 10 })],
      }),
    ],
    [
      'that its own bundle does not vouch for',
      async ({ domain }) => {
        const foreign = await TestDomain.create()
        return { svids: [{ ...(await domain.issue('/web')), bundle: foreign.bundle }] }
      },
    ],
    [
      'with one good SVID and one bad one',
      async ({ domain }) => ({
        svids: [
          await domain.issue('/web'),
          { ...(await domain.issue('/db')), x509SvidKey: Buffer.from('x') },
        ],
      }),
    ],
    [
      'with a federated bundle under a name that is no ID',
      async ({ domain }) => ({
        svids: [await domain.issue('/web')],
        federatedBundles: { 'partner.example': domain.bundle },
      }),
    ],
    [
      'with a federated bundle that is broken',
      async ({ domain }) => ({
        svids: [await domain.issue('/web')],
        federatedBundles: { 'spiffe://partner.example': Buffer.from('x') },
      }),
    ],
  ]
  for (const [what, make] of BAD) {
    it(`${what} is reported, and the old one stays; the next good one is taken`, async () => {
      await using scripted = await Scripted.start()
      const [source, call] = await scripted.connected()
      await using _closing = source
      const before = source.svid
      call.send(await make(scripted))
      await until(() => scripted.problems.length > 0)
      assert.equal(scripted.problems[0]?.code, 'ERR_CLIENT_UPDATE_INVALID')
      assert.equal(source.problem, scripted.problems[0])
      assert.equal(source.svid, before)
      call.send({ svids: [await scripted.domain.issue('/web')] })
      await until(() => source.svid !== before)
      assert.equal(source.problem, undefined)
      assert.equal(scripted.api.waiting, 0, 'on the same stream')
    })
  }

  it('replaces all that was there: a federated bundle that it does not name is gone', async () => {
    await using scripted = await Scripted.start()
    const [source, call] = await scripted.connected()
    await using _closing = source
    const partner = await TestDomain.create('partner.example')
    const svids = [await scripted.domain.issue('/web')]
    call.send({ svids, federatedBundles: { 'spiffe://partner.example': partner.bundle } })
    await until(() => source.bundleFor('partner.example') !== undefined)
    call.send({ svids })
    await until(() => source.bundleFor('partner.example') === undefined)
    assert.deepEqual(scripted.problems, [])
  })

  it('cannot put a federated bundle in the place of the own one', async () => {
    await using scripted = await Scripted.start()
    const connecting = scripted.connect()
    const foreign = await TestDomain.create()
    const federatedBundles = { 'spiffe://example.org': foreign.bundle }
    ;(await scripted.api.call()).send({ svids: [await scripted.domain.issue('/web')], federatedBundles })
    await using source = await connecting
    assert.deepEqual(source.bundleFor('example.org')?.x509Authorities, [scripted.domain.ca.der])
  })

  it('with two SVIDs of one hint: the first is picked', async () => {
    await using scripted = await Scripted.start()
    const connecting = scripted.connect({ pick: { hint: 'a' } })
    const [web, db] = await Promise.all([scripted.domain.issue('/web'), scripted.domain.issue('/db')])
    ;(await scripted.api.call()).send({
      svids: [
        { ...web, hint: 'a' },
        { ...db, hint: 'a' },
      ],
    })
    await using source = await connecting
    assert.equal(source.svid.spiffeId.path, '/web')
  })

  it('without the SVID that is picked leaves none, rather than another one', async () => {
    await using scripted = await Scripted.start()
    const connecting = scripted.connect({ pick: { spiffeId: 'spiffe://example.org/db' } })
    const call = await scripted.api.call()
    const [web, db] = await Promise.all([scripted.domain.issue('/web'), scripted.domain.issue('/db')])
    call.send({ svids: [web] }) // not enough to begin with
    call.send({ svids: [web, db] })
    await using source = await connecting
    assert.equal(source.svid.spiffeId.path, '/db')
    call.send({ svids: [web] })
    await until(() => source.svids.length === 1)
    assert.throws(() => source.svid, { code: 'ERR_CLIENT_NO_SVID', reason: 'not_picked' })
  })
})

describe('a stream that ends', () => {
  const RETRIED = [
    ['OK', StatusCode.OK],
    ['CANCELLED by the server', StatusCode.CANCELLED],
    ['UNAVAILABLE', StatusCode.UNAVAILABLE],
    ['INTERNAL', StatusCode.INTERNAL],
    ['UNKNOWN', StatusCode.UNKNOWN],
    ['RESOURCE_EXHAUSTED', StatusCode.RESOURCE_EXHAUSTED],
  ] as const
  for (const [name, status] of RETRIED) {
    it(`with ${name} is opened again, and the SVID stays`, async () => {
      await using scripted = await Scripted.start()
      const [source, call] = await scripted.connected()
      await using _closing = source
      const before = source.svid
      call.end(status, 'for a while')
      const again = await scripted.nextCall()
      assert.equal(source.svid, before)
      assert.equal(scripted.problems.length, 1)
      again.send({ svids: [await scripted.domain.issue('/web')] })
      await until(() => source.svid !== before)
    })
  }

  it('with the connection, without a word, is opened again', async () => {
    await using scripted = await Scripted.start()
    const [source, call] = await scripted.connected()
    await using _closing = source
    call.cut()
    await scripted.nextCall()
    assert.equal(scripted.problems[0]?.kind, 'unavailable')
  })

  for (const [name, status] of [
    ['INVALID_ARGUMENT', StatusCode.INVALID_ARGUMENT],
    ['UNIMPLEMENTED', StatusCode.UNIMPLEMENTED],
  ] as const) {
    it(`with ${name} is final: who waits hears it, and who has an SVID keeps it until it expires`, async () => {
      await using scripted = await Scripted.start()
      const connecting = scripted.connect()
      ;(await scripted.api.call()).end(status, 'no, and 5 % of that')
      await assert.rejects(connecting, { code: 'ERR_RPC_FAILED', status, message: 'no, and 5 % of that' })
      const [source, call] = await scripted.connected()
      await using _closing = source
      call.end(status)
      await until(() => source.problem !== undefined)
      scripted.clock.advance(600_000)
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(scripted.api.waiting, 0)
      assert.equal(source.svid.spiffeId.path, '/web')
      scripted.clock.advance(3_600_000)
      assert.throws(() => source.svid, { reason: 'expired' })
    })
  }

  it('is opened again after pauses that grow to ten seconds, and begin small after an update', async () => {
    await using scripted = await Scripted.start()
    const [source, first] = await scripted.connected()
    await using _closing = source
    const pauseAfter = async (call: ScriptedCall): Promise<[ScriptedCall, number]> => {
      const problems = scripted.problems.length
      call.end(StatusCode.UNAVAILABLE)
      await until(() => scripted.problems.length > problems)
      const from = scripted.clock.monotonicMs()
      const next = await scripted.nextCall()
      return [next, scripted.clock.monotonicMs() - from]
    }
    const pauses: number[] = []
    let call = first
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const [next, ms] = await pauseAfter(call)
      pauses.push(ms)
      call = next
    }
    assert.ok((pauses[0] ?? 0) <= 200, pauses.join())
    assert.ok((pauses.at(-1) ?? 0) >= 5_000, pauses.join())
    const before = source.svid
    call.send({ svids: [await scripted.domain.issue('/web')] })
    await until(() => source.svid !== before)
    assert.ok((await pauseAfter(call))[1] <= 200)
  })
})

describe('a source', () => {
  it('sends the metadata that the standard asks for, over TCP as well', async () => {
    for (const kind of ['unix', 'tcp'] as const) {
      await using scripted = await Scripted.start(kind)
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

  it('asks over TCP whether its server is still there', async () => {
    await using scripted = await Scripted.start('tcp')
    const [source] = await scripted.connected()
    await using _closing = source
    const port = Number(new URL(scripted.api.address).port)
    const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
    const sockets = (): string[] => readFileSync('/proc/self/net/tcp', 'utf8').split('\n')
    // proc_net_tcp: 02 is the timer of keepalive; others pass.
    await until(() =>
      sockets().some((line) => line.includes(remote) && line.trim().split(/[\s:]+/)[8] === '02'),
    )
  })

  it('never hands out an SVID that has expired, and names what stood in the way of a newer one', async () => {
    await using scripted = await Scripted.start()
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

  it('is not waited for longer than it was said, and then tells the reason', async () => {
    await using serving = await startServing({ identities: { nobody: NOBODY } })
    await assert.rejects(connectTo(serving, { timeoutMs: 200 }), {
      code: 'ERR_CLIENT_SOURCE_NOT_READY',
      message: /no identity issued/,
    })
    await assert.rejects(X509Source.connect({ address: 'unix:///nobody/is/here.sock', timeoutMs: 50 }), {
      code: 'ERR_CLIENT_SOURCE_NOT_READY',
      message: /\/nobody\/is\/here\.sock \(no such socket\)/,
    })
  })

  it('is given up by its signal while it connects, and leaves no call behind', async () => {
    await using scripted = await Scripted.start()
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

  it('does not wait for ever for a socket that accepts and then says nothing', async () => {
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

  it('takes a server that speaks HTTP, but not gRPC, for what it is', async () => {
    await using scripted = await Scripted.start()
    const connecting = scripted.connect({ timeoutMs: 60_000 })
    ;(await scripted.api.call()).answer(404)
    await until(() => scripted.problems.length > 0)
    assert.match(scripted.problems[0]?.message ?? '', /HTTP status 404: it is no gRPC server/)
    ;(await scripted.nextCall()).send({ svids: [await scripted.domain.issue('/web')] })
    await using source = await connecting
    assert.equal(source.problem, undefined)
  })

  for (const [what, send] of [
    ['compresses what nobody asked it to', (call: ScriptedCall) => call.send(Buffer.from('x'), true)],
    ['announces a message of a gigabyte', (call: ScriptedCall) => call.send(Buffer.alloc(17 * 1024 * 1024))],
  ] as const) {
    it(`leaves a server that ${what}`, async () => {
      await using scripted = await Scripted.start()
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

describe('a process with a source', () => {
  const run = async (
    serving: Serving,
    more: string,
    onReady: () => Promise<void> = async () => undefined,
    options = '',
  ): Promise<[code: number | null, output: string]> => {
    const main = path.resolve(import.meta.dirname, '../../../src/client/main.ts')
    const program = `import { X509Source } from ${JSON.stringify(main)}
const source = await X509Source.connect(${options})
console.log(String(source.svid.spiffeId))
${more}`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, SPIFFE_ENDPOINT_SOCKET: `unix://${serving.socket}` },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.stdout.once('data', () => void onReady())
    const [code] = (await once(child, 'close')) as [number | null]
    return [code, output.trim()]
  }

  it('ends when it has nothing else to do, also without closing the source', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    assert.deepEqual(await run(serving, ''), [0, WEB_ID])
  })

  it('lives on while the source is watched or referenced', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    const later = 'setTimeout(() => { source.unref(); console.log("later") }, 200).unref()'
    assert.deepEqual(await run(serving, `source.ref(); ${later}`), [0, `${WEB_ID}\nlater`])
    const stop = 'const stop = AbortSignal.timeout(200)\nfor await (const _ of source.watch(stop)) {}'
    assert.deepEqual(await run(serving, `${stop}\nconsole.log('watched')`), [0, `${WEB_ID}\nwatched`])
  })

  it('hears what a listener throws as its own mistake, and the watch goes on', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    const more = `process.once('uncaughtException', (error) => console.log(error.message))
using thrower = source.subscribe(() => { throw new RangeError('of the listener') })
const before = source.svid
for await (const svid of source.watch()) if (svid !== before) break
console.log('went on')`
    const rotate = async (): Promise<void> => {
      await serving.issuer.rotate()
      serving.learn()
    }
    const [code, output] = await run(serving, more, rotate)
    assert.equal(code, 0)
    assert.match(output, /of the listener/)
    assert.match(output, /went on/)
  })
  it('loses its SVID and gets it back, whatever throws where it is told of that', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    const more = `process.on('uncaughtException', (error) => console.log(error.message))
const before = source.svid
for await (const svid of source.watch()) if (svid !== before) break
console.log('went on')`
    const withdraw = async (): Promise<void> => {
      serving.learn({}, { nobody: NOBODY })
      await until(() => serving.denied.length > 0)
      serving.learn({}, { web: WEB })
    }
    const thrower = `{ onProblem: () => { throw new RangeError('of the program') } }`
    const [code, output] = await run(serving, more, withdraw, thrower)
    assert.equal(code, 0)
    assert.match(output, /of the program/)
    assert.match(output, /went on/)
  })
})
