import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SetClock, withoutFaketime } from '../../support/faketime.ts'
import { Daemon } from '../../support/programs.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../../support/stack.ts'

const UID = process.getuid?.() ?? 0

describe('an agent whose host has a wrong clock', { skip: withoutFaketime }, () => {
  let stack: Stack
  let clock: SetClock

  const startAgent = async (): Promise<void> => {
    stack.agent = new Daemon(['agent', 'run', '--config', stack.agentConfig], clock.env)
    await stack.agent.says('"event":"agent.started"')
  }
  const serialNow = async (): Promise<string> => {
    using client = stack.client()
    const { svids } = await client.first('FetchX509SVID')
    return svids[0].x509Svid.toString('base64')
  }

  before(async () => {
    stack = await Stack.create()
    clock = new SetClock(stack.directory)
    await stack.startAuthority()
    await stack.apply(`${DEFAULT_RESOURCES}---${identityFor(UID)}`)
    const { name, secret } = await stack.createToken()
    await stack.writeAgentConfig(name, secret)
  })
  after(async () => {
    await stack?.[Symbol.asyncDispose]()
    clock?.[Symbol.dispose]()
  })

  it('does not join while the clock is wrong, names the clock, and joins once the time is right', async () => {
    clock.set('+100d')
    await startAgent()
    await stack.agent.says('ERR_RPC_CLOCKS_DIFFER')
    assert.match(
      stack.agent.log,
      /the clock of this host says .*: set right whichever of the two clocks is wrong/,
    )
    assert.ok(stack.agent.running)
    clock.set('+0')
    await stack.agent.says('"event":"join.accepted"')
    await stack.agent.says('"event":"sync.established"')
  })

  it('withholds, but keeps, SVIDs that are not yet valid after a restart 10 minutes behind and without its authority', async () => {
    const before = await serialNow()
    await stack.agent.stop()
    await stack.authority.stop()
    clock.set('-10m')
    await startAgent()
    await assert.rejects(serialNow(), /no SVID is valid by the clock of this host/)
    await stack.agent.says('"event":"svid.held_back"')
    clock.set('+0')
    assert.equal(await serialNow(), before)
    clock.set('+3d')
    await assert.rejects(serialNow(), { code: 14 })
    await stack.agent.stop()
    clock.set('+0')
    await startAgent()
    assert.equal(await serialNow(), before)
  })
})
