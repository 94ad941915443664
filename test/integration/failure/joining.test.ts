import assert from 'node:assert/strict'
import { once } from 'node:events'
import type net from 'node:net'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { CuttingProxy } from '../../support/cutting-proxy.ts'
import { until } from '../../support/patience.ts'
import { Daemon } from '../../support/programs.ts'
import { DEFAULT_RESOURCES, Stack } from '../../support/stack.ts'
import { type IdentityText, readIdentity } from '../../support/stored-identity.ts'

interface AuditEvent {
  readonly event: string
  readonly ref: string
  readonly detail: {
    readonly reason?: string
    readonly joinToken?: string
    readonly botInstance?: string
    readonly keySha256?: string
    readonly repeated?: boolean
  }
}

/** Starts an agent that is refused. Returns the printed reference and the audit events under it. */
async function refusedJoin(stack: Stack): Promise<{ line: string; events: AuditEvent[] }> {
  stack.agent = stack.newAgent()
  assert.equal(await stack.agent.ended(), 4)
  const ref = /refused, reference ([0-9A-Z-]+)/.exec(stack.agent.log)?.[1]
  assert.ok(ref, stack.agent.log)
  const listed = await stack.admin('audit', 'list', '--ref', ref, '--json')
  const events = JSON.parse(listed.stdout) as AuditEvent[]
  return { line: stack.agent.log.replaceAll(ref, 'REF'), events }
}

/** Stops the agent, if any, and removes its data. */
async function noAgent(stack: Stack): Promise<void> {
  await stack.agent?.[Symbol.asyncDispose]()
  await stack.forgetAgent()
}

async function eventsOf(stack: Stack, event: string): Promise<AuditEvent[]> {
  return JSON.parse((await stack.admin('audit', 'list', '--event', event, '--json')).stdout) as AuditEvent[]
}

describe('an agent that joins', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.create({ inProcess: true })
    await stack.startAuthority()
    await stack.apply(DEFAULT_RESOURCES)
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  it('gets the same refusal for an unknown, wrong, expired and used secret; the audit log has each reason', async () => {
    const lines = new Set<string>()
    const reasons: (string | undefined)[] = []
    const refuse = async (name: string, secret: string): Promise<void> => {
      await noAgent(stack)
      await stack.writeAgentConfig(name, secret)
      const { line, events } = await refusedJoin(stack)
      const said = line.split('\n').find((text) => text.startsWith('signet: ')) ?? ''
      lines.add(said)
      assert.equal(events.length, 1)
      assert.equal(events[0]?.event, 'join.refused')
      reasons.push(events[0]?.detail.reason)
    }
    const expired = await stack.createToken('--name', 'expired', '--ttl', '1s')
    const expires = Date.now() + 1_000
    await refuse('unknown', 'A'.repeat(43))
    const used = await stack.createToken('--name', 'used')
    await refuse(used.name, 'A'.repeat(43))
    await noAgent(stack)
    await stack.writeAgentConfig(used.name, used.secret)
    await stack.startAgent() // a wrong secret does not consume a use
    await refuse(used.name, used.secret)
    while (Date.now() < expires) await new Promise((resolve) => setTimeout(resolve, expires - Date.now()))
    await refuse(expired.name, expired.secret)
    assert.deepEqual(reasons, ['unknown_token', 'wrong_secret', 'used_up', 'expired'])
    assert.deepEqual(
      [...lines],
      ['signet: join refused, reference REF: run on the authority: signet audit list --ref REF'],
    )
  })

  it('with a wrong pin stops before it sends the secret, and names the expected and the found pin', async () => {
    await noAgent(stack)
    const { name, secret } = await stack.createToken()
    const wrong = `sha256:${'ab'.repeat(32)}`
    await stack.writeAgentConfig(name, secret, wrong)
    const before = (await eventsOf(stack, 'join.*')).length
    stack.agent = new Daemon(['agent', 'run', '--config', stack.agentConfig])
    assert.equal(await stack.agent.ended(), 4)
    assert.ok(
      stack.agent.log.includes(
        `signet: ${stack.address} is not the authority that the pin names: expected ${wrong}, found ${stack.pin}. Compare the pin with what the authority prints`,
      ),
      stack.agent.log,
    )
    assert.equal((await eventsOf(stack, 'join.*')).length, before)
    await stack.writeAgentConfig(name, secret)
    await stack.startAgent() // the secret is still valid
  })

  it('retries with the same key if the response is lost: one instance, one use of the token', async () => {
    await noAgent(stack)
    await using proxy = await CuttingProxy.start(stack.address)
    const { name, secret } = await stack.createToken('--name', 'lost-answer')
    await writeConfigFor(stack, proxy.address, name, secret)
    await stack.startAgent()
    assert.ok(proxy.hasCut)
    assert.match(stack.agent.log, /"event":"join\.failed".*the connection to .* was lost/)
    const joins = (await eventsOf(stack, 'join.accepted')).filter(({ detail }) => detail.joinToken === name)
    assert.deepEqual(
      joins.map(({ detail }) => detail.repeated),
      [false, true],
    )
    assert.equal(new Set(joins.map(({ detail }) => `${detail.botInstance} ${detail.keySha256}`)).size, 1)
    const instances = JSON.parse((await stack.admin('get', 'bot_instance', '--json')).stdout) as {
      id: string
    }[]
    assert.equal(instances.filter(({ id }) => id === joins[0]?.detail.botInstance).length, 1)

    await noAgent(stack) // another agent with the same secret
    await writeConfigFor(stack, stack.address, name, secret)
    const { events } = await refusedJoin(stack)
    assert.equal(events[0]?.detail.reason, 'used_up')
  })

  it('refuses a bot certificate that is presented as the authority’s, before and after its join', async () => {
    await noAgent(stack)
    const { name, secret } = await stack.createToken('--name', 'victim')
    await stack.writeAgentConfig(name, secret)
    await stack.startAgent()
    await stack.agent.stop()
    // Every joined agent has such a certificate, whose chain ends at the pinned root.
    await using impostor = await Impostor.start(
      await readIdentity(path.join(stack.directory, 'agent'), path.join(stack.directory, 'state-key')),
    )

    await writeConfigFor(stack, impostor.address, name, secret)
    await stack.launchAgent()
    await stack.agent.says(
      /"event":"sync\.lost".*its certificate is (?:not one of a server|for another name)/,
    )
    await stack.agent.stop()

    await stack.forgetAgent()
    await writeConfigFor(stack, impostor.address, name, secret)
    stack.agent = stack.newAgent()
    assert.equal(await stack.agent.ended(), 4)
    assert.match(
      stack.agent.log,
      /^signet: .* shows a certificate that is not the one of an authority: check the address/m,
    )
    await until(() => impostor.connections >= 2)
    assert.equal(impostor.heard.toString('hex'), '', 'not a byte was said to it')
  })
})

/** The agent's configuration with another address. */
async function writeConfigFor(stack: Stack, address: string, name: string, secret: string): Promise<void> {
  const { address: real } = stack
  stack.address = address
  await stack.writeAgentConfig(name, secret)
  stack.address = real
}

/** A TLS server with a bot's key and certificate. */
class Impostor implements AsyncDisposable {
  readonly address: string
  heard = Buffer.alloc(0)
  connections = 0
  readonly #server: tls.Server

  private constructor(server: tls.Server) {
    this.#server = server
    this.address = `127.0.0.1:${(server.address() as net.AddressInfo).port}`
    server.on('secureConnection', (socket) => {
      this.connections += 1
      socket
        .on('error', () => undefined)
        .on('data', (bytes: Buffer) => {
          this.heard = Buffer.concat([this.heard, bytes])
        })
    })
    server.on('tlsClientError', () => {
      this.connections += 1
    })
  }

  static async start({ current, roots }: IdentityText): Promise<Impostor> {
    const pem = (label: string, der: string): string =>
      `-----BEGIN ${label}-----\n${der}\n-----END ${label}-----\n`
    const server = tls.createServer({
      key: pem('PRIVATE KEY', current.key),
      cert: [...current.chain, ...roots].map((der) => pem('CERTIFICATE', der)).join(''),
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.3',
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Impostor(server)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
  }
}

describe('one data directory', () => {
  it('serves one agent: a second one reports that and stops', async () => {
    await using stack = await Stack.start({ inProcess: true })
    await using second = new Daemon(['agent', 'run', '--config', stack.agentConfig])
    assert.notEqual(await second.ended(), 0)
    assert.match(second.log, /^signet: another agent is running on .*: stop it, or /m)
    assert.ok(stack.agent.running)
  })

  it('serves one authority: a second one reports that and stops', async () => {
    await using stack = await Stack.create({ inProcess: true })
    await stack.startAuthority()
    await using second = new Daemon(['authority', 'run', '--config', stack.authorityConfig])
    assert.notEqual(await second.ended(), 0)
    assert.match(second.log, /^signet: another authority runs on .*: stop it, or /m)
    assert.ok(stack.authority.running)
  })
})
