import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { identityFor, Stack } from '../../support/stack.ts'

const UID = process.getuid?.() ?? 0
const ROUNDS = 4

/** A load that never gives up: each answer is kept, each failure forgotten. */
class Load {
  readonly serials = new Set<string>()
  readonly tokens = new Set<string>()
  readonly #stack: Stack
  #running = true
  readonly #done: Promise<unknown>

  constructor(stack: Stack) {
    this.#stack = stack
    this.#done = Promise.all(Array.from({ length: 4 }, (_, worker) => this.#work(worker)))
  }

  async #work(worker: number): Promise<void> {
    for (let n = 0; this.#running; n++) {
      using client = this.#stack.client()
      try {
        const { svids } = await client.unary(
          'FetchJWTSVID',
          { audience: [`crash-${worker}-${n}`] },
          { deadlineMs: 2000 },
        )
        this.tokens.add(svids[0].svid)
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20)) // something was just killed
      }
    }
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.#done
  }
}

const jtiOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }).jti

describe('SIGKILL at any moment, under load', () => {
  it('of the authority leaves a whole audit log, with a row for every token that a workload holds', async () => {
    await using stack = await Stack.start()
    await stack.apply(identityFor(UID))
    const load = new Load(stack)
    for (let round = 0; round < ROUNDS; round++) {
      const served = load.tokens.size
      while (load.tokens.size < served + 20) await new Promise((resolve) => setTimeout(resolve, 5))
      await stack.authority.stop('SIGKILL')
      await stack.startAuthority()
    }
    const served = load.tokens.size
    while (load.tokens.size < served + 5) await new Promise((resolve) => setTimeout(resolve, 5))
    await load.stop()
    assert.equal((await stack.signet('audit', 'verify')).code, 0)
    const listed = await stack.admin('audit', 'list', '--event', 'jwt_svid.issued', '--json')
    const recorded = new Set(
      (JSON.parse(listed.stdout) as { detail: { jti: string } }[]).map(({ detail }) => detail.jti),
    )
    for (const token of load.tokens) assert.ok(recorded.has(jtiOf(token)))
  })

  it('of the agent never asks for a second join, and serves again', async () => {
    await using stack = await Stack.start()
    await stack.apply(identityFor(UID))
    const load = new Load(stack)
    for (let round = 0; round < ROUNDS; round++) {
      const served = load.tokens.size
      while (load.tokens.size < served + 20) await new Promise((resolve) => setTimeout(resolve, 5))
      await stack.agent.stop('SIGKILL')
      await stack.startAgent()
    }
    await load.stop()
    const joined = await stack.admin('audit', 'list', '--event', 'join.accepted', '--json')
    assert.equal((JSON.parse(joined.stdout) as object[]).length, 1)
    using client = stack.client()
    assert.equal((await client.first('FetchX509SVID')).svids.length, 1)
  })

  it('of an agent during its join, again and again, ends in one joined instance', async () => {
    await using stack = await Stack.create()
    await stack.startAuthority()
    await stack.apply(`
kind: role
version: v1
metadata: { name: r }
spec: { allow: [{ kind: workload_identity }] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [r] }
`)
    const { name, secret } = await stack.createToken()
    await stack.writeAgentConfig(name, secret)
    for (const millis of [120, 180, 240, 300, 360]) {
      void stack.launchAgent().catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, millis))
      await stack.agent.stop('SIGKILL')
    }
    await stack.startAgent()
    assert.ok(stack.agent.running)
  })
})
