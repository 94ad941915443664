import assert from 'node:assert/strict'
import { rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { RpcClient } from '../../src/rpc/client.ts'
import type { AgentAdminServiceGetStatusResponse__Output as Status } from '../../src/rpc/gen/signet/v1/AgentAdminServiceGetStatusResponse.ts'
import { StatusCode } from '../../src/rpc/status.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../support/stack.ts'
import { type AgentPlace, startAgent } from '../support/start-agent.ts'

const UID = process.getuid?.() ?? 0

describe('an agent in front of a real authority', () => {
  let stack: Stack
  let place: AgentPlace
  before(async () => {
    stack = await Stack.create()
    await stack.startAuthority()
    await stack.apply(DEFAULT_RESOURCES)
    await stack.apply(identityFor(UID))
  })
  after(async () => stack?.[Symbol.asyncDispose]())
  beforeEach(async () => {
    const { name, secret } = await stack.createToken()
    place = { authority: stack.address, pin: stack.pin, token: name, secret }
  })

  const statusOf = async (adminSocket: string): Promise<Status> => {
    using client = new RpcClient({ target: { unixPath: adminSocket } })
    return await client.unary<object, Status>('signet.v1.AgentAdminService', 'GetStatus', {})
  }

  /** Asks until it is served, because the agent starts before it has joined. */
  const served = async (client: ReturnType<Stack['client']>): Promise<{ svids: { spiffeId: string }[] }> => {
    for (;;) {
      try {
        return await client.first('FetchX509SVID')
      } catch (error) {
        if ((error as { code?: number }).code !== StatusCode.UNAVAILABLE) throw error
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  it('serves SVIDs, reports its status, and explains a process and given attributes alike', async () => {
    await using started = await startAgent(place)
    using client = started.client()
    assert.equal((await served(client)).svids[0]?.spiffeId, 'spiffe://example.org/web')
    const status = await statusOf(started.agent.adminSocket)
    assert.equal(status.bot, 'builder')
    assert.equal(status.generation, '1')
    assert.equal(status.connected, true)
    assert.equal(status.workloadIdentities, 1)

    using admin = new RpcClient({ target: { unixPath: started.agent.adminSocket } })
    const explain = async (request: object) => {
      const { explanationJson } = await admin.unary<object, { explanationJson: string }>(
        'signet.v1.AgentAdminService',
        'Explain',
        request,
      )
      return JSON.parse(explanationJson) as { identities: { identity: string; granted: boolean }[] }
    }
    assert.equal((await explain({ pid: process.pid })).identities[0]?.granted, true)
    const other = JSON.stringify({ workload: { unix: { uid: 4242 } } })
    assert.equal((await explain({ attributesJson: other })).identities[0]?.granted, false)
    await assert.rejects(explain({ attributesJson: '[' }), { status: StatusCode.INVALID_ARGUMENT })
    await assert.rejects(explain({}), { status: StatusCode.INVALID_ARGUMENT })
    await assert.rejects(explain({ pid: 2 ** 22 + 1 }), { status: StatusCode.NOT_FOUND })
  })

  // A request is held in memory before its caller is attested. At 4 MiB each, a few connections
  // could fill it.
  it('accepts the longest token, and refuses requests longer than any legitimate one', async () => {
    await using started = await startAgent(place)
    using client = started.client()
    await served(client)
    const validate = (svid: string) => client.unary('ValidateJWTSVID', { audience: 'a', svid })
    await assert.rejects(validate('x'.repeat(64 * 1024)), { code: StatusCode.INVALID_ARGUMENT })
    await assert.rejects(validate('x'.repeat(129 * 1024)), { code: StatusCode.RESOURCE_EXHAUSTED })
  })

  it('keeps its sockets, its directory and its secrets to their modes', async () => {
    await using started = await startAgent(place)
    using client = started.client()
    await served(client)
    const mode = async (file: string): Promise<string> => ((await stat(file)).mode & 0o777).toString(8)
    assert.equal(await mode(started.agent.socket), '777')
    assert.equal(await mode(started.agent.adminSocket), '600')
    const data = path.join(started.directory, 'data')
    assert.equal(await mode(data), '700')
    assert.equal(await mode(path.join(data, 'bot-identity.sealed')), '600')
    await started.agent[Symbol.asyncDispose]()
    assert.equal(await mode(path.join(data, 'state.sealed')), '600')
    await assert.rejects(stat(started.agent.socket), { code: 'ENOENT' })
    await assert.rejects(stat(started.agent.adminSocket), { code: 'ENOENT' })
  })

  it('is refused a data directory that another agent uses', async () => {
    await using started = await startAgent(place)
    await assert.rejects(startAgent({ ...place, directory: started.directory }), {
      code: 'ERR_AGENT_RUNNING',
    })
    using client = started.client()
    await served(client) // a pending join would write into the removed directory
  })

  it('ignores a saved state that was tampered with, and keeps its bot identity', async () => {
    await using started = await startAgent(place)
    using client = started.client()
    await served(client)
    const { botInstanceId } = await statusOf(started.agent.adminSocket)
    await started.agent[Symbol.asyncDispose]()
    await writeFile(path.join(started.directory, 'data', 'state.sealed'), 'not what was there', {
      mode: 0o600,
    })
    await using again = await startAgent({ ...place, directory: started.directory })
    using later = again.client()
    assert.equal((await served(later)).svids.length, 1)
    assert.equal((await statusOf(again.agent.adminSocket)).botInstanceId, botInstanceId)
  })

  it('that lost its bot identity cannot use its secret twice, and says what to do', async () => {
    await using started = await startAgent(place)
    using client = started.client()
    await served(client)
    await started.agent[Symbol.asyncDispose]()
    await rm(path.join(started.directory, 'data', 'bot-identity.sealed'))
    await using again = await startAgent({ ...place, directory: started.directory })
    await assert.rejects(again.agent.ended, (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_JOIN_REFUSED')
      assert.match(
        error.message,
        /^join refused, reference (\S+): run on the authority: signet audit list --ref \1$/,
      )
      return true
    })
  })

  it('without an identity and without a secret says so', async () => {
    const { secret: _secret, ...rest } = place
    await using started = await startAgent(rest)
    await assert.rejects(started.agent.ended, { code: 'ERR_JOIN_SECRET_MISSING' })
  })

  it('withdraws everything when its bot is locked, and grants it again when the lock is removed', async () => {
    await using started = await startAgent(place)
    using client = started.client()
    await served(client)
    using stream = client.stream('FetchX509SVID')
    await stream.next()
    const lock = `kind: lock
version: v1
metadata: { name: stop }
spec: { target: { bot: builder }, reason: test }
`
    await stack.apply(lock)
    assert.equal((await stream.ended).code, StatusCode.PERMISSION_DENIED)
    // Also after a restart, when the authority refuses its calls.
    await started.agent[Symbol.asyncDispose]()
    await using again = await startAgent({ ...place, directory: started.directory })
    using later = again.client()
    await assert.rejects(later.first('FetchX509SVID'), { code: StatusCode.PERMISSION_DENIED })
    await stack.admin('delete', 'lock', 'stop')
    for (;;) {
      const answer = await later.first('FetchX509SVID').catch((error: { code: number }) => error)
      if (!('code' in answer)) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })

  it('joins again with another token after its bot was deleted', async () => {
    await using started = await startAgent(place)
    using client = started.client()
    await served(client)
    const { botInstanceId } = await statusOf(started.agent.adminSocket)
    await started.agent[Symbol.asyncDispose]()
    const tokens = JSON.parse((await stack.admin('get', 'join_token', '--json')).stdout) as {
      metadata: { name: string }
    }[]
    for (const { metadata } of tokens) await stack.admin('delete', 'join_token', metadata.name)
    await stack.admin('delete', 'bot', 'builder', '--yes')
    await stack.apply(DEFAULT_RESOURCES)
    const { name, secret } = await stack.createToken()
    await using again = await startAgent({ ...place, token: name, secret, directory: started.directory })
    for (;;) {
      const status = await statusOf(again.agent.adminSocket)
      if (status.connected && status.botInstanceId !== botInstanceId) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    using later = again.client()
    assert.equal((await served(later)).svids.length, 1)
  })
})
