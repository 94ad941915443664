import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { status } from '@grpc/grpc-js'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../../support/stack.ts'
import { readIdentity, writeIdentity } from '../../support/stored-identity.ts'
import type { Message } from '../../support/workload-client.ts'

const UNAVAILABLE = { code: status.UNAVAILABLE }
const UID = process.getuid?.() ?? 0
const resourcesWith = (...identities: string[]): string => [DEFAULT_RESOURCES, ...identities].join('---')
const serialOf = ({ svids }: Message): string => svids[0].x509Svid.toString('hex')

describe('while the authority is down', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.start({ resources: resourcesWith(identityFor(UID)) })
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  it('open streams keep their SVIDs, cached JWT-SVIDs are served, and only what needs a new signature is UNAVAILABLE', async () => {
    using client = stack.client()
    using stream = client.stream('FetchX509SVID')
    const before = serialOf(await stream.next())
    const cached = await client.unary('FetchJWTSVID', { audience: ['cached'] })

    process.kill(stack.authority.pid, 'SIGSTOP') // it gets the request but never answers it
    const asked = assert.rejects(client.unary('FetchJWTSVID', { audience: ['asked'] }), UNAVAILABLE)
    await stack.authority.stop('SIGKILL')
    await asked
    assert.equal(serialOf(await client.first('FetchX509SVID')), before)
    assert.equal(
      (await client.unary('FetchJWTSVID', { audience: ['cached'] })).svids[0].svid,
      cached.svids[0].svid,
    )
    await assert.rejects(client.unary('FetchJWTSVID', { audience: ['new'] }), UNAVAILABLE)
    await stack.agent.says(/"event":"sync\.lost".*the connection to .* was lost/)

    const from = stack.agent.log.length
    await stack.startAuthority()
    await stack.agent.says('"event":"sync.restored"', from)
    assert.equal((await client.unary('FetchJWTSVID', { audience: ['new'] })).svids.length, 1)
    await stack.apply(identityFor(UID, 'more'))
    await stream.until(({ svids }) => svids.length === 2) // the stream never ended
    await stack.admin('delete', 'workload_identity', 'more')
    await stream.until(({ svids }) => svids.length === 1)
  })

  it('an agent that stops ends calls with UNAVAILABLE, not CANCELLED, and after a restart serves what it had', async () => {
    using client = stack.client()
    using stream = client.stream('FetchX509SVID')
    const before = serialOf(await stream.next())
    await stack.authority.stop('SIGKILL')
    const { ended } = stream
    await stack.agent.stop()
    assert.equal((await ended).code, status.UNAVAILABLE)
    await stack.launchAgent()
    using again = stack.client()
    assert.equal(serialOf(await again.first('FetchX509SVID')), before)
  })
})

describe('an unreachable authority', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.start({ inProcess: true, resources: resourcesWith(identityFor(UID)) })
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  it('makes an agent that never joined answer UNAVAILABLE and name the address, until it can serve', async () => {
    await stack.agent.stop()
    await stack.forgetAgent()
    const { name, secret } = await stack.createToken()
    await stack.writeAgentConfig(name, secret)
    await stack.authority.stop()
    await stack.launchAgent()
    using client = stack.client()
    using stream = client.stream('FetchX509SVID')
    const { code, details } = await stream.ended
    assert.equal(code, status.UNAVAILABLE)
    assert.equal(details, 'the agent is starting: it has not heard from its authority yet')
    await stack.agent.says(
      `cannot reach ${stack.address} (refused): the agent needs outbound TCP, TLS passed through`,
    )
    await stack.startAuthority()
    await stack.agent.says(/"event":"sync\.(?:established|restored)"/)
    assert.equal((await client.first('FetchX509SVID')).svids.length, 1)
  })

  it('makes commands name the socket and say what to check', async () => {
    await stack.authority.stop()
    const done = await stack.signet('get', 'bot')
    assert.equal(done.code, 5)
    assert.equal(
      done.stderr,
      `signet: cannot reach ${stack.authoritySocket} (no such socket): is the program that serves it running? (ERR_RPC_FAILED)\n`,
    )
  })
})

describe('an authority restored from an older database', () => {
  it('refuses an agent that is ahead of it without a lock, and the agent keeps serving', async () => {
    await using stack = await Stack.start({ inProcess: true, resources: resourcesWith(identityFor(UID)) })
    using client = stack.client()
    const before = serialOf(await client.first('FetchX509SVID'))
    const data = path.join(stack.directory, 'authority')
    const backup = path.join(stack.directory, 'backup')
    await stack.authority.stop()
    await cp(data, backup, { recursive: true })
    await stack.startAuthority()
    await stack.agent.stop()
    await makeRenewalDue(stack)
    await stack.startAgent()
    await stack.agent.says('"event":"renewal.accepted"')
    // The certificate is used, not only received, so the instance is at the second generation from
    // here on.
    using used = stack.client()
    await used.unary('FetchJWTSVID', { audience: ['second-generation'] })

    await stack.authority.stop()
    await rm(data, { recursive: true })
    await cp(backup, data, { recursive: true })
    const from = stack.agent.log.length
    await stack.startAuthority()
    await stack.agent.says(
      /the authority was restored from a backup .*: join again with a new join token/,
      from,
    )
    const { stdout } = await stack.admin('get', 'lock', '--json')
    assert.deepEqual(JSON.parse(stdout), [])
    assert.equal(serialOf(await used.first('FetchX509SVID')), before)

    const refused = await stack.admin('audit', 'list', '--event', 'renewal.refused', '--json')
    const [event] = JSON.parse(refused.stdout) as { detail: { reason: string } }[]
    assert.equal(event?.detail.reason, 'restored_authority')

    // Follows the instruction of the error message.
    const { name, secret } = await stack.createToken('--name', 'again')
    await stack.agent.stop()
    await stack.writeAgentConfig(name, secret)
    await stack.startAgent()
    using joined = stack.client()
    assert.equal((await joined.unary('FetchJWTSVID', { audience: ['joined-again'] })).svids.length, 1)
  })
})

/**
 * Simulates a suspension of more than half of the bot certificate's life: the agent renews as soon
 * as it starts.
 */
async function makeRenewalDue(stack: Stack): Promise<void> {
  const places = [path.join(stack.directory, 'agent'), path.join(stack.directory, 'state-key')] as const
  const stored = await readIdentity(...places)
  stored.current.received_ms -= 40 * 60_000
  await writeIdentity(...places, stored)
}
