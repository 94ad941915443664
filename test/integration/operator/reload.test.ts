import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import http2 from 'node:http2'
import net from 'node:net'
import path from 'node:path'
import { describe, it } from 'node:test'
import { AGENT_RELOADABLE, AUTHORITY_RELOADABLE } from '../../../src/config/reloadable.ts'
import { StatusCode } from '../../../src/rpc/status.ts'
import { temporaryDirectory } from '../../support/authority-state.ts'
import { botClient, joinBot, SyncReader } from '../../support/bot-client.ts'
import { NotifyReceiver } from '../../support/notify-receiver.ts'
import { Daemon } from '../../support/programs.ts'
import { type RawCall, rawCall } from '../../support/rpc-stack.ts'
import { startAgent } from '../../support/start-agent.ts'
import { startAuthority } from '../../support/start-authority.ts'

const yaml = (directory: string, level: string, limits = 'max_connections: 100') => `version: 1
authority: { address: "127.0.0.1:1", pin: "sha256:${'0'.repeat(64)}" }
join: { token: first, secret: { env: SIGNET_TEST_SECRET } }
data_dir: ${directory}/data
state_key: { path: ${directory}/state-key }
workload_api: { socket: ${directory}/run/agent.sock, ${limits} }
log: { level: ${level} }
`

/** Waits for the first reload that the log tells of. */
async function reloadOf(program: Daemon): Promise<{ changed: string[]; needsRestart: string[] }> {
  await program.says(/"event":"config\.reloaded".*\n/)
  const line = program.log.split('\n').find((text) => text.includes('"event":"config.reloaded"')) ?? '{}'
  const { changed, needsRestart } = JSON.parse(line) as { changed: string[]; needsRestart: string[] }
  return { changed: changed.sort(), needsRestart }
}

describe('an agent under a service manager', () => {
  for (const name of [`@signet-test-${process.pid}`, 'notify.sock']) {
    it(`says on ${name.startsWith('@') ? 'an abstract socket' : 'a socket'} that it is ready, alive, reloads and ends`, async () => {
      await using place = await temporaryDirectory()
      const directory = place.path
      const socket = name.startsWith('@') ? name : path.join(directory, name)
      using manager = new NotifyReceiver(socket)
      const config = path.join(directory, 'agent.yaml')
      await writeFile(config, yaml(directory, 'info'))
      await using agent = new Daemon(['agent', 'run', '--config', config], {
        NOTIFY_SOCKET: socket,
        WATCHDOG_USEC: '150000',
        SIGNET_TEST_SECRET: 'secret',
      })
      await manager.hears('READY=1')
      assert.match(agent.log, /agent\.started/)
      await manager.hears('WATCHDOG=1')

      await writeFile(config, 'version: 1\nlog: { level: loud }\n')
      process.kill(agent.pid, 'SIGHUP')
      await agent.says(/config\.rejected.*log\.level/)
      await manager.hears('RELOADING=1\nMONOTONIC_USEC=')
      manager.heard.length = 0
      await manager.hears('READY=1')

      const from = agent.log.length
      await writeFile(
        config,
        yaml(directory, 'error', 'max_connections: 200').replace('127.0.0.1:1', '127.0.0.1:2'),
      )
      process.kill(agent.pid, 'SIGHUP')
      manager.heard.length = 0
      await manager.hears('RELOADING=1')
      manager.heard.length = 0
      await manager.hears('READY=1')
      assert.equal(agent.log.slice(from).includes('config.reloaded'), false, 'the level is error now')
      const limits = 'max_connections: 200, max_connections_per_uid: 20, max_streams_per_connection: 10'
      await writeFile(config, yaml(directory, 'info', limits).replace('127.0.0.1:1', '127.0.0.1:2'))
      process.kill(agent.pid, 'SIGHUP')
      assert.deepEqual(await reloadOf(agent), {
        changed: [...AGENT_RELOADABLE].filter((setting) => setting !== 'workload_api.max_connections').sort(),
        needsRestart: ['authority.address'],
      })
      assert.equal(await agent.stop(), 0)
      await manager.hears('STOPPING=1')
    })
  }
})

describe('an authority that gets SIGHUP', () => {
  it('changes its limits, and names what needs a restart', async () => {
    await using place = await temporaryDirectory()
    const config = path.join(place.path, 'authority.yaml')
    const write = (more: string): Promise<void> =>
      writeFile(
        config,
        `version: 1
trust_domain: example.org
data_dir: data
key_encryption_key: { path: keys/kek }
admin: { socket: run/admin.sock }
listen: 127.0.0.1:0
${more}`,
      )
    await write('')
    await using authority = new Daemon(['authority', 'run', '--config', config])
    await authority.says(/"event":"authority\.started"/)
    await write(`limits: { max_connections: 8, max_streams_per_connection: 8, svids_per_second: 8 }
log: { level: debug }
renewal_grace: 1d
`)
    process.kill(authority.pid, 'SIGHUP')
    assert.deepEqual(await reloadOf(authority), {
      changed: [...AUTHORITY_RELOADABLE].sort(),
      needsRestart: ['renewal_grace'],
    })
    assert.equal(await authority.stop(), 0)
  })
})

const NOBODY = { authority: '127.0.0.1:1', pin: `sha256:${'0'.repeat(64)}`, token: 'first', secret: 'none' }

describe('the limits of an agent that become lower', () => {
  it('hold for new connections and calls, and end nothing', async () => {
    await using started = await startAgent(NOBODY)
    const { agent, config } = started
    using sessions = new DisposableStack()
    const connect = async (): Promise<http2.ClientHttp2Session> => {
      const createConnection = (): net.Socket => net.connect(agent.socket)
      const session = http2.connect('http://localhost', { createConnection })
      sessions.defer(() => session.destroy())
      session.on('error', () => {})
      await once(session, 'remoteSettings')
      return session
    }
    /** A call that stays open: resolves once it has begun. */
    const watch = async (session: http2.ClientHttp2Session): Promise<RawCall> => {
      const call = rawCall(session, '/grpc.health.v1.Health/Watch')
      await once(call.stream, 'data')
      return call
    }
    const limit = (maxPerUid: number, maxStreams: number): void =>
      agent.limit({
        workload_api: {
          ...config.workload_api,
          max_connections_per_uid: maxPerUid,
          max_streams_per_connection: maxStreams,
        },
      })
    const first = await connect()
    const open = [await watch(first), await watch(first), await watch(first)]
    limit(1, 1)
    const refused = await rawCall(first, '/grpc.health.v1.Health/Watch').ended
    assert.match(decodeURIComponent(refused.message ?? ''), /too many calls of this caller/)
    const late = net.connect(agent.socket).resume()
    await once(late, 'close')
    limit(4, 7)
    open.push(await watch(first))
    const second = await connect()
    assert.equal(second.remoteSettings.maxConcurrentStreams, 7)
    assert.equal(first.remoteSettings.maxConcurrentStreams, 128, 'it was told so')
    assert.ok(open.every(({ stream }) => !stream.closed))
  })
})

const BUILDER = `
kind: role
version: v1
metadata: { name: all }
spec: { allow: [{ kind: workload_identity, spiffe_ids: [/**] }] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [all] }
`

describe('the limits of an authority that become lower', () => {
  it('hold for new connections, calls and SVIDs, and end nothing', async () => {
    await using authority = await startAuthority()
    await authority.apply(BUILDER)
    using bot = await joinBot(authority, 'builder')
    using sync = new SyncReader(bot)
    await sync.snapshot()
    const limit = (more: Partial<typeof authority.config.limits>): void =>
      authority.running.limit({ limits: { ...authority.config.limits, ...more } })
    const ask = (count: number, client = bot.client): Promise<object> =>
      client.unary('signet.v1.IssuanceService', 'IssueX509Svids', { requests: Array(count).fill({}) })

    limit({ max_streams_per_connection: 1 })
    await assert.rejects(ask(1), /too many calls of this caller/)
    limit({ svids_per_second: 1 })
    await ask(1_000)
    await assert.rejects(ask(1), { status: StatusCode.RESOURCE_EXHAUSTED })
    limit({ max_connections_per_address: 1 })
    using other = botClient(authority, bot.key, bot.certificate)
    await assert.rejects(ask(1, other.client), { status: StatusCode.UNAVAILABLE })
    assert.ok(authority.log.some((line) => line.includes('too_many_connections_of_address')))
    limit({})
    using another = botClient(authority, bot.key, bot.certificate)
    await ask(1, another.client)
    await authority.apply(BUILDER.replace('/**', '/a/**'))
    await sync.next()
  })
})
