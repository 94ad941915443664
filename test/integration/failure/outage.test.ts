import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import { status } from '@grpc/grpc-js'
import { identityFor, Stack } from '../../support/stack.ts'
import type { Ended, Message } from '../../support/workload-client.ts'

const UID = process.getuid?.() ?? 0
const serialOf = ({ svids }: Message): string => svids[0].x509Svid.toString('hex')

describe('while the authority is down', () => {
  it('open streams keep their SVIDs, cached JWT-SVIDs are served, and only what must be signed anew is UNAVAILABLE', async () => {
    await using stack = await Stack.start()
    await stack.apply(identityFor(UID))
    using client = stack.client()
    using stream = client.stream('FetchX509SVID')
    const before = serialOf(await stream.next())
    const cached = await client.unary('FetchJWTSVID', { audience: ['cached'] })
    await stack.authority.stop('SIGKILL')

    assert.equal(serialOf(await client.first('FetchX509SVID')), before)
    assert.equal(
      (await client.unary('FetchJWTSVID', { audience: ['cached'] })).svids[0].svid,
      cached.svids[0].svid,
    )
    await assert.rejects(client.unary('FetchJWTSVID', { audience: ['new'] }), { code: status.UNAVAILABLE })

    await stack.startAuthority()
    await stack.agent.says('"event":"sync.restored"')
    assert.equal((await client.unary('FetchJWTSVID', { audience: ['new'] })).svids.length, 1)
    await stack.apply(identityFor(UID, 'more'))
    await stream.until(({ svids }) => svids.length === 2)
  })

  it('an agent that starts serves what it had', async () => {
    await using stack = await Stack.start()
    await stack.apply(identityFor(UID))
    using client = stack.client()
    using stream = client.stream('FetchX509SVID')
    const before = serialOf(await stream.next())
    await stack.authority.stop('SIGKILL')
    await stack.agent.stop()
    await stack.launchAgent()
    using again = stack.client()
    assert.equal(serialOf(await again.first('FetchX509SVID')), before)
  })

  it('an agent that never joined answers UNAVAILABLE, and serves as soon as the authority is there', async () => {
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
---${identityFor(UID)}`)
    const { name, secret } = await stack.createToken()
    await stack.writeAgentConfig(name, secret)
    await stack.authority.stop()
    await stack.launchAgent()
    using client = stack.client()
    using stream = client.stream('FetchX509SVID')
    assert.equal((await stream.ended).code, status.UNAVAILABLE)
    await stack.startAuthority()
    await stack.agent.says(/"event":"sync\.(?:established|restored)"/)
    assert.equal((await client.first('FetchX509SVID')).svids.length, 1)
  })
})

describe('an authority restored from an older database', () => {
  it('refuses an agent that is ahead of it as such, locks nothing, and the agent goes on serving', async () => {
    await using stack = await Stack.start({ authorityYaml: 'lifetimes: { bot_certificate: 20s }\n' })
    await stack.apply(identityFor(UID))
    using client = stack.client()
    await client.first('FetchX509SVID')
    const backup = path.join(stack.directory, 'backup')
    await stack.authority.stop()
    await cp(path.join(stack.directory, 'authority'), backup, { recursive: true })
    await stack.startAuthority()
    const from = stack.agent.log.length
    await stack.agent.says('"event":"renewal.accepted"', from)
    await stack.authority.stop()
    await rm(path.join(stack.directory, 'authority'), { recursive: true })
    await cp(backup, path.join(stack.directory, 'authority'), { recursive: true })
    await stack.startAuthority()
    await stack.agent.says(/restored/)
    const { stdout } = await stack.admin('get', 'lock', '--json')
    assert.deepEqual(JSON.parse(stdout), [])
    assert.equal((await client.first('FetchX509SVID')).svids.length, 1)
  })
})

describe('a caller', () => {
  it('is told UNAVAILABLE, not CANCELLED, when the agent stops', async () => {
    await using stack = await Stack.start()
    await stack.apply(identityFor(UID))
    using client = stack.client()
    using stream = client.stream('FetchX509SVID')
    await stream.next()
    const ended: Promise<Ended> = stream.ended
    await stack.agent.stop()
    assert.equal((await ended).code, status.UNAVAILABLE)
  })
})
