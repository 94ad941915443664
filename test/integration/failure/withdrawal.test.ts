import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { status } from '@grpc/grpc-js'
import { SecretClient } from '../../support/secret-client.ts'
import { identityFor, Stack } from '../../support/stack.ts'
import type { WorkloadClient } from '../../support/workload-client.ts'

const UID = process.getuid?.() ?? 0

const role = (allow: string): string => `
kind: role
version: v1
metadata: { name: web-only }
spec: { allow: [${allow}] }
`
const bot = (roles: string): string => `
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [${roles}] }
`
const ALL = '{ kind: workload_identity, spiffe_ids: [/**] }'

const REFUSED = { code: status.PERMISSION_DENIED, details: 'no identity issued' }

describe('open streams get a withdrawal immediately, and later the new grant, after', () => {
  let stack: Stack
  let token: string
  let client: WorkloadClient
  let instance: string
  before(async () => {
    stack = await Stack.create({ inProcess: true })
    await stack.startAuthority()
    await stack.apply([role(ALL), bot('web-only'), identityFor(UID)].join('---'))
    const made = await stack.createToken()
    token = made.name
    await stack.writeAgentConfig(made.name, made.secret)
    await stack.startAgent()
    client = stack.client()
    const [joined] = JSON.parse((await stack.admin('get', 'bot_instance', '--json')).stdout) as [
      { id: string },
    ]
    instance = joined.id
  })
  after(async () => {
    client?.[Symbol.dispose]()
    await stack?.[Symbol.asyncDispose]()
  })

  /**
   * Asserts that open streams of every kind end, except those of secrets, and that new calls are
   * refused. After `giveBack`, asserts that the streams of secrets and a waiting stream are served.
   */
  async function isWithdrawn(take: () => Promise<unknown>, giveBack: () => Promise<unknown>): Promise<void> {
    const streams = ['FetchX509SVID', 'FetchX509Bundles', 'FetchJWTBundles'].map((method) =>
      client.stream(method),
    )
    using secrets = new SecretClient(stack.socket)
    using svid = secrets.stream(['default'])
    using roots = secrets.delta(['ROOTCA'])
    await Promise.all([...streams, svid, roots].map((stream) => stream.next()))
    await client.unary('FetchJWTSVID', { audience: ['cached'] })
    await take()
    for (const stream of streams) assert.deepEqual(await stream.ended, REFUSED)
    await assert.rejects(client.first('FetchX509SVID'), REFUSED)
    await assert.rejects(client.unary('FetchJWTSVID', { audience: ['cached'] }), REFUSED)
    const [closed] = await roots.secrets()
    assert.deepEqual([closed?.name, Object.keys(closed?.trustDomains ?? {})], ['ROOTCA', ['nobody.invalid']])
    assert.equal(svid.waiting, 0)
    await giveBack()
    assert.equal((await svid.secrets())[0]?.name, 'default')
    assert.equal((await roots.secrets())[0]?.name, 'ROOTCA')
    await served()
  }

  /** Waits until the agent has received the new grant. */
  async function served(): Promise<void> {
    for (;;) {
      const error = await client.first('FetchX509SVID').then(
        () => undefined,
        (refused: unknown) => refused as { code: number },
      )
      if (error === undefined) break
      assert.equal(error.code, status.PERMISSION_DENIED)
    }
    await client.unary('FetchJWTSVID', { audience: [`again-${performance.now()}`] })
  }

  const targets = (): Readonly<Record<string, string>> => ({
    '--bot': 'builder',
    '--bot-instance': instance,
    '--join-token': token,
    '--workload-identity': 'web',
    '--spiffe-id': 'spiffe://example.org/web',
  })
  for (const flag of ['--bot', '--bot-instance', '--join-token', '--workload-identity', '--spiffe-id']) {
    it(`signet lock ${flag}`, async () => {
      const target = [flag, targets()[flag] as string]
      await isWithdrawn(
        () => stack.admin('lock', ...target, '--reason', 'a test'),
        () => stack.admin('unlock', ...target),
      )
    })
  }

  it('a role that is narrowed', async () => {
    await isWithdrawn(
      () => stack.apply(role('{ kind: workload_identity, spiffe_ids: [/other/**] }')),
      () => stack.apply(role(ALL)),
    )
  })

  it('the role of a bot', async () => {
    await isWithdrawn(
      () => stack.apply(bot('')),
      () => stack.apply(bot('web-only')),
    )
  })

  it('a workload identity that is deleted', async () => {
    await isWithdrawn(
      () => stack.admin('delete', 'workload_identity', 'web'),
      () => stack.apply(identityFor(UID)),
    )
  })

  it('one identity of two, which leaves the other on the stream and returns on the same stream', async () => {
    await stack.apply(identityFor(UID, 'second'))
    using stream = client.stream('FetchX509SVID')
    await stream.until(({ svids }) => svids.length === 2)
    await stack.admin('lock', '--workload-identity', 'second')
    const left = await stream.until(({ svids }) => svids.length === 1)
    assert.equal(left.svids[0].spiffeId, 'spiffe://example.org/web')
    await stack.admin('unlock', '--workload-identity', 'second')
    await stream.until(({ svids }) => svids.length === 2)
    await stack.admin('delete', 'workload_identity', 'second')
    await stream.until(({ svids }) => svids.length === 1)
  })

  it('a lock on a join token, with which no agent can join then', async () => {
    const { name, secret } = await stack.createToken('--name', 'locked', '--max-uses', '2')
    await stack.admin('lock', '--join-token', name)
    await stack.agent.stop()
    await stack.forgetAgent()
    await stack.writeAgentConfig(name, secret)
    await stack.launchAgent()
    assert.equal(await stack.agent.ended(), 4)
    const listed = await stack.admin('audit', 'list', '--event', 'join.refused', '--json')
    const [event] = JSON.parse(listed.stdout) as { detail: { reason: string } }[]
    assert.equal(event?.detail.reason, 'locked')
    await stack.admin('unlock', '--join-token', name)
    await stack.startAgent()
  })
})
