import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { parseCertificate, splitDer } from '../../../src/crypto/x509.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../../support/stack.ts'
import type { Message } from '../../support/workload-client.ts'

const UID = process.getuid?.() ?? 0
const ROUNDS = 2

interface Recorded {
  readonly detail: { readonly jti?: string; readonly serial?: string; readonly botInstance?: string }
}

/** Fetches tokens in a loop. Records every response and ignores failures. */
class Load {
  readonly jtis = new Set<string>()
  readonly serials = new Set<string>()
  readonly #stack: Stack
  #running = true
  readonly #done: Promise<unknown>

  constructor(stack: Stack) {
    this.#stack = stack
    this.#done = Promise.all(Array.from({ length: 4 }, (_, worker) => this.#work(worker)))
  }

  /** Resolves once this many more tokens were delivered. */
  async served(more: number): Promise<void> {
    const wanted = this.jtis.size + more
    while (this.jtis.size < wanted) await wait(5)
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.#done
  }

  async #work(worker: number): Promise<void> {
    for (let n = 0; this.#running; n++) {
      using client = this.#stack.client()
      try {
        const options = { deadlineMs: 2_000 }
        const { svids } = await client.unary('FetchJWTSVID', { audience: [`crash-${worker}-${n}`] }, options)
        this.jtis.add(jtiOf(svids[0].svid))
        this.serials.add(serialOf(await client.first('FetchX509SVID', {}, options)))
      } catch {
        await wait(20) // a process was just killed
      }
    }
  }
}

function jtiOf(token: string): string {
  return (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }).jti
}

function serialOf({ svids }: Message): string {
  const [leaf = Buffer.alloc(0)] = splitDer(svids[0].x509Svid)
  return parseCertificate(leaf).serial
}

/** Asserts that the audit log is intact and has a row for every SVID that a workload holds. */
async function isConsistent(stack: Stack, load: Load): Promise<void> {
  const verified = await stack.signet('audit', 'verify')
  assert.equal(verified.code, 0, verified.stderr)
  const { stdout } = await stack.admin('audit', 'list', '--json')
  const recorded = JSON.parse(stdout) as Recorded[]
  const jtis = new Set(recorded.map(({ detail }) => detail.jti))
  const serials = new Set(recorded.map(({ detail }) => detail.serial))
  for (const jti of load.jtis) assert.ok(jtis.has(jti), jti)
  for (const serial of load.serials) assert.ok(serials.has(serial), serial)
  const [instance, ...others] = JSON.parse((await stack.admin('get', 'bot_instance', '--json')).stdout) as {
    id: string
  }[]
  assert.ok(instance)
  assert.deepEqual(others, [])
  assert.deepEqual(JSON.parse((await stack.admin('get', 'lock', '--json')).stdout), [])
}

describe('SIGKILL at any moment, under load,', () => {
  it('of authority, agent or both: the audit log is intact and has a row for every SVID that workloads hold', async () => {
    await using stack = await Stack.start({ resources: `${DEFAULT_RESOURCES}---${identityFor(UID)}` })
    const load = new Load(stack)
    try {
      for (let round = 0; round < ROUNDS; round++) {
        await load.served(10)
        await wait(randomInt(30))
        await stack.authority.stop('SIGKILL')
        await stack.startAuthority()
        await load.served(10)
        await wait(randomInt(30))
        await stack.agent.stop('SIGKILL')
        await stack.startAgent()
      }
      await load.served(10)
      await Promise.all([stack.authority.stop('SIGKILL'), stack.agent.stop('SIGKILL')])
      await stack.startAuthority()
      await stack.startAgent()
      await load.served(10)
    } finally {
      await load.stop()
    }
    await isConsistent(stack, load)
  })

  it('of an agent repeatedly during its join leads to one instance', async () => {
    await using stack = await Stack.create()
    await stack.startAuthority()
    await stack.apply(`${DEFAULT_RESOURCES}---${identityFor(UID)}`)
    const { name, secret } = await stack.createToken()
    await stack.writeAgentConfig(name, secret)
    for (let round = 0; round < ROUNDS; round++) {
      await stack.launchAgent()
      await wait(randomInt(150)) // from before its first message to the authority until after the response
      await stack.agent.stop('SIGKILL')
    }
    await stack.startAgent()
    const load = new Load(stack)
    await load.served(4)
    await load.stop()
    await isConsistent(stack, load)
  })
})
