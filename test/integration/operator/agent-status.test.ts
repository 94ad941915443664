import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createLogger } from '../../../src/foundation/logger.ts'
import { temporaryDirectory } from '../../support/authority-state.ts'
import { signet } from '../../support/command.ts'
import { type StartedAgent, startAgent } from '../../support/start-agent.ts'
import { startAuthority, type TestAuthority } from '../../support/start-authority.ts'

const RESOURCES = `
kind: role
version: v1
metadata: { name: all }
spec: { allow: [{ kind: workload_identity, spiffe_ids: [/**] }] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [all] }
---
kind: workload_identity
version: v1
metadata: { name: web }
spec: { spiffe_id: /web, allow: [{ match: { workload.unix.uid: ${process.getuid?.()} } }] }
`

interface Status {
  readonly state: string
  readonly reason: string
  readonly remedy: string
  readonly failedAttempts: number
  readonly nextAttempt?: string
  readonly svids: readonly { spiffeId: string; expires: string; streams: number }[]
}

/** An agent as its operator sees it: the command, /readyz and the log. */
class Watched {
  readonly #started: StartedAgent
  readonly #lines: { event?: string; address?: string }[]

  private constructor(started: StartedAgent, lines: { event?: string; address?: string }[]) {
    this.#started = started
    this.#lines = lines
  }

  static async start(place: Parameters<typeof startAgent>[0]): Promise<Watched> {
    const lines: { event?: string }[] = []
    const logger = createLogger({ destination: { write: (line) => void lines.push(JSON.parse(line)) } })
    const yaml = 'metrics: { listen: "127.0.0.1:0" }'
    return new Watched(await startAgent({ ...place, yaml }, { logger }), lines)
  }

  get socket(): string {
    return this.#started.agent.socket
  }

  client(): ReturnType<StartedAgent['client']> {
    return this.#started.client()
  }

  async says(...flags: string[]): Promise<string> {
    const args = ['agent', 'status', '--agent-admin-socket', this.#started.agent.adminSocket, ...flags]
    const { code, stdout, stderr } = await signet(args)
    assert.equal(code, 0, stderr)
    return stdout
  }

  async until(state: string): Promise<Status> {
    for (;;) {
      const status = JSON.parse(await this.says('--json')) as Status
      if (status.state === state) return status
      await pause(20)
    }
  }

  async readyz(): Promise<{ status: number; text: string }> {
    const address = this.#lines.find(({ event }) => event === 'status.listening')?.address
    const response = await fetch(`http://${address}/readyz`)
    return { status: response.status, text: await response.text() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started[Symbol.asyncDispose]()
  }
}

async function placeAt(authority: TestAuthority) {
  await authority.apply(RESOURCES)
  const { name, secret } = await authority.createJoinToken('builder')
  return { authority: authority.address, pin: authority.pin, token: name, secret }
}

const drop = (authority: TestAuthority, kind: string, name: string): Promise<unknown> =>
  authority.admin.unary('signet.v1.AdminService', 'DeleteResource', { kind, name })

describe('what an operator is told about an agent', () => {
  it('that reaches nobody: the address, the error, how often it tried and when it tries again', async () => {
    const place = { authority: '127.0.0.1:1', pin: `sha256:${'0'.repeat(64)}`, token: 'first', secret: 'x' }
    await using agent = await Watched.start(place)
    const { reason, failedAttempts, nextAttempt } = await agent.until('joining')
    assert.match(
      reason,
      /^not joined to 127\.0\.0\.1:1: cannot reach 127\.0\.0\.1:1 \(refused\).* attempts? since 20/,
    )
    assert.ok(failedAttempts > 0)
    assert.match(nextAttempt ?? '', /^20\d\d-/)
    const text = await agent.says()
    assert.match(text, /^state: +joining: not joined to/m)
    assert.match(text, /^next attempt: +20/m)
    const { status, text: why } = await agent.readyz()
    assert.equal(status, 503)
    assert.match(why, /^not joined to 127/)
  })

  it('that is well, whose authority goes away, is locked, is unlocked and is deleted', async () => {
    await using authority = await startAuthority()
    await using directory = await temporaryDirectory()
    const place = { ...(await placeAt(authority)), directory: directory.path }
    await using agent = await Watched.start(place)
    await agent.until('ready')
    using client = agent.client()
    using stream = client.stream('FetchX509SVID')
    await stream.next()
    const { svids } = await agent.until('ready')
    assert.deepEqual(
      svids.map(({ spiffeId, streams }) => [spiffeId, streams]),
      [['spiffe://example.org/web', 1]],
    )
    assert.match(
      await agent.says(),
      /^clock skew: +-?\d+ ms$[\s\S]*^spiffe:\/\/example\.org\/web +20\S+Z +1$/m,
    )
    assert.deepEqual(await agent.readyz(), { status: 200, text: 'ok\n' })

    await authority.stop()
    await agent.until('authority_away')
    const away = await agent.readyz()
    assert.equal(away.status, 200)
    assert.match(away.text, /^ok: the authority is away: .*all in use is served/)

    await using again = await startAuthority({ directory: authority.directory, listen: authority.address })
    await agent.until('ready')
    const lock = 'kind: lock\nversion: v1\nmetadata: { name: stop }\nspec: { target: { bot: builder } }\n'
    await again.apply(lock)
    const locked = await agent.until('locked')
    assert.match(`${locked.reason}; ${locked.remedy}`, /^locked: a lock on the bot.*signet unlock/)
    assert.equal((await agent.readyz()).status, 503)
    await agent[Symbol.asyncDispose]()

    // It hears of the lock, and that it is lifted, also after a restart.
    await using restarted = await Watched.start(place)
    await restarted.until('locked')
    await drop(again, 'lock', 'stop')
    await restarted.until('ready')
    const tokens = await again.admin.unary<object, { resources: { name: string }[] }>(
      'signet.v1.AdminService',
      'ListResources',
      { kind: 'join_token' },
    )
    for (const { name } of tokens.resources) await drop(again, 'join_token', name)
    await drop(again, 'bot', 'builder')
    const refused = await restarted.until('refused')
    assert.match(refused.remedy, /signet audit list --ref \S+; .*signet token create/)
    assert.equal((await restarted.readyz()).status, 503)
  })

  it('whose socket was removed: it is there again, and new workloads are served', async () => {
    await using authority = await startAuthority()
    await using agent = await Watched.start(await placeAt(authority))
    await agent.until('ready')
    await rm(path.dirname(agent.socket), { recursive: true })
    while (!existsSync(agent.socket)) await pause(50)
    using client = agent.client()
    const { svids } = await client.first('FetchX509SVID')
    assert.equal(svids.length, 1)
    await agent.until('ready')
  })
})
