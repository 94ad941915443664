import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import { createLogger } from '../../src/foundation/logger.ts'
import { startAgent } from '../support/start-agent.ts'
import { startAuthority } from '../support/start-authority.ts'

const STRANGER = 65_533
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

/** Starts an agent with a metrics address and collects its log events. */
async function startMeasured(place: { authority: string; pin: string; token: string; secret: string }) {
  const lines: { event?: string; address?: string }[] = []
  let heard = (): void => {}
  const logger = createLogger({
    destination: {
      write: (line) => {
        lines.push(JSON.parse(line))
        heard()
      },
    },
  })
  const started = await startAgent({ ...place, yaml: 'metrics: { listen: "127.0.0.1:0" }' }, { logger })
  const says = async (event: string) => {
    for (;;) {
      const line = lines.find((each) => each.event === event)
      if (line) return line
      await new Promise<void>((resolve) => (heard = resolve))
    }
  }
  const { address } = await says('status.listening')
  const get = async (what: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`http://${address}${what}`)
    return { status: response.status, text: await response.text() }
  }
  return { ...started, says, get, [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() }
}

const NOBODY = {
  authority: '127.0.0.1:1',
  pin: `sha256:${'0'.repeat(64)}`,
  token: 'first',
  secret: 'no secret at all',
}

describe('the metrics address of an agent', () => {
  it('is live but not ready before the first sync', async () => {
    await using agent = await startMeasured(NOBODY)
    assert.equal((await agent.get('/livez')).status, 200)
    const { status, text: why } = await agent.get('/readyz')
    assert.equal(status, 503)
    assert.match(why, /^not joined/)
    const { text } = await agent.get('/metrics')
    assert.doesNotMatch(text, /^signet_bot_identity_expiry_seconds /m)
    assert.doesNotMatch(text, /^signet_sync_age_seconds /m)
  })

  it('is ready after the first sync, serves metrics, and closes with the agent', async () => {
    await using authority = await startAuthority()
    await authority.apply(BUILDER)
    const { name, secret } = await authority.createJoinToken('builder')
    const { address, pin } = authority
    await using agent = await startMeasured({ authority: address, pin, token: name, secret })
    await agent.says('sync.established')
    assert.deepEqual(await agent.get('/readyz'), { status: 200, text: 'ok\n' })
    const { text } = await agent.get('/metrics')
    for (const metric of ['bot_identity_expiry_seconds', 'sync_age_seconds'])
      assert.match(text, new RegExp(`^signet_${metric} \\d`, 'm'))
    await agent.agent[Symbol.asyncDispose]()
    await assert.rejects(agent.get('/livez'), TypeError)
  })
})

describe('the admin socket of an agent', () => {
  it('serves only root and the agent’s own user, whatever the modes of its path', {
    skip: process.getuid?.() !== 0 && 'needs root',
  }, async () => {
    await using started = await startAgent(NOBODY)
    const { adminSocket } = started.agent
    // Opens the modes, so that only the check of the peer's uid is left.
    for (const open of [started.directory, path.dirname(adminSocket), adminSocket]) await chmod(open, 0o777)
    const preface = String.raw`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0`
    const script = `const s=require('net').connect(process.argv[1]);s.on('connect',()=>s.write('${preface}'));s.on('data',()=>process.exit(7));s.on('close',()=>process.exit(3));s.on('error',()=>{})`
    const outcomeAs = async (uid: number): Promise<unknown> => {
      const child = spawn(process.execPath, ['-e', script, adminSocket], { uid, gid: uid, cwd: '/' })
      const [code] = await once(child, 'exit')
      return code
    }
    assert.equal(await outcomeAs(STRANGER), 3, 'closed without a byte')
    assert.equal(await outcomeAs(0), 7, 'greeted')
  })
})
