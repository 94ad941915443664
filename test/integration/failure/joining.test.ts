import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Daemon, DEFAULT_RESOURCES, Stack } from '../../support/stack.ts'

interface AuditEvent {
  readonly event: string
  readonly ref: string
  readonly detail: { readonly reason?: string }
}

/** The agent is refused; gives the reference that it printed and what the audit log has under it. */
async function refusedJoin(stack: Stack): Promise<{ line: string; events: AuditEvent[] }> {
  stack.agent = new Daemon(['agent', 'run', '--config', stack.agentConfig])
  const code = await stack.agent.ended()
  assert.notEqual(code, 0)
  const ref = /refused, reference ([0-9A-Z-]+)/.exec(stack.agent.log)?.[1]
  assert.ok(ref, stack.agent.log)
  const listed = await stack.admin('audit', 'list', '--ref', ref, '--json')
  const events = JSON.parse(listed.stdout) as AuditEvent[]
  return { line: stack.agent.log.replaceAll(ref, 'REF'), events }
}

async function authorityWithBot(): Promise<Stack> {
  const stack = await Stack.create()
  await stack.startAuthority()
  await stack.apply(DEFAULT_RESOURCES)
  return stack
}

describe('an agent that joins with', () => {
  it('a bad secret hears a reference; the audit log has the reason', async () => {
    await using stack = await authorityWithBot()
    const { name } = await stack.createToken()
    await stack.writeAgentConfig(name, 'A'.repeat(43))
    const { events } = await refusedJoin(stack)
    assert.equal(events.length, 1)
    assert.equal(events[0]?.event, 'join.refused')
    assert.ok(events[0]?.detail.reason)
  })

  it('an unknown, a used and an expired token is told the same', async () => {
    await using stack = await authorityWithBot()
    const lines = new Set<string>()
    const reasons = new Set<string | undefined>()
    const refuse = async (): Promise<void> => {
      const { line, events } = await refusedJoin(stack)
      const said = line.split('\n').find((text) => text.includes('refused, reference'))
      lines.add(said?.replaceAll(/"time":"[^"]+"/g, '').replaceAll(/[0-9a-f]{8,}/g, '') ?? '')
      reasons.add(events[0]?.detail.reason)
    }
    await stack.writeAgentConfig('builder-unknown', 'A'.repeat(43))
    await refuse()

    const used = await stack.createToken('--name', 'used')
    await stack.writeAgentConfig(used.name, used.secret)
    await stack.startAgent()
    await stack.agent.stop()
    await stack.forgetAgent()
    await stack.writeAgentConfig(used.name, used.secret)
    await refuse()

    const expired = await stack.createToken('--name', 'expired', '--ttl', '1s')
    await stack.writeAgentConfig(expired.name, expired.secret)
    await new Promise((resolve) => setTimeout(resolve, 1100)) // the authority's clock is the real one here
    await refuse()

    assert.equal(reasons.size, 3, [...reasons].join(', '))
    assert.equal(
      new Set([...lines].map((line) => line.replaceAll(/builder-unknown|used|expired/g, 'TOKEN'))).size,
      1,
    )
  })

  it('a wrong pin stops before it sends the secret, and says what was expected and what came', async () => {
    await using stack = await authorityWithBot()
    const { name, secret } = await stack.createToken()
    const wrong = `sha256:${'ab'.repeat(32)}`
    await stack.writeAgentConfig(name, secret, wrong)
    stack.agent = new Daemon(['agent', 'run', '--config', stack.agentConfig])
    assert.notEqual(await stack.agent.ended(), 0)
    assert.ok(stack.agent.log.includes(wrong))
    assert.ok(stack.agent.log.includes(stack.pin))
    const events = JSON.parse((await stack.admin('audit', 'list', '--event', 'join.*', '--json')).stdout)
    assert.deepEqual(events, [])
    await stack.writeAgentConfig(name, secret)
    await stack.startAgent() // the secret is still good
  })
})

describe('one data directory', () => {
  it('holds one agent: a second one says so and stops', async () => {
    await using stack = await Stack.start()
    await using second = new Daemon(['agent', 'run', '--config', stack.agentConfig])
    assert.notEqual(await second.ended(), 0)
    assert.match(second.log, /another agent/)
    assert.ok(stack.agent.running)
  })

  it('holds one authority: a second one says so and stops', async () => {
    await using stack = await Stack.create()
    await stack.startAuthority()
    await using second = new Daemon(['authority', 'run', '--config', stack.authorityConfig])
    assert.notEqual(await second.ended(), 0)
    assert.match(second.log, /another authority/)
    assert.ok(stack.authority.running)
  })
})
