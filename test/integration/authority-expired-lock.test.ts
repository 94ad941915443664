import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLogger } from '../../src/foundation/logger.ts'
import { StatusCode } from '../../src/rpc/status.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { botClient, joinBot, renewBot, SyncReader } from '../support/bot-client.ts'
import { DEFAULT_RESOURCES, identityFor } from '../support/stack.ts'
import { startAgent } from '../support/start-agent.ts'
import { startAuthority, type TestAuthority } from '../support/start-authority.ts'

/** The shortest certificate lifetime that can be configured. */
const LIFE_MS = 60_000
const HEARTBEAT_MS = 20_000
const UID = process.getuid?.() ?? 0

/** OpenSSL uses the real time, which is half a certificate life behind this clock. */
const newClock = (): FakeClock => new FakeClock(performance.timeOrigin + performance.now() - LIFE_MS / 2)

async function start(clock: FakeClock): Promise<TestAuthority> {
  const authority = await startAuthority({ clock, yaml: 'lifetimes: { bot_certificate: 1m }' })
  await authority.apply(`${DEFAULT_RESOURCES}---${identityFor(UID)}`)
  return authority
}

const lock = (authority: TestAuthority) =>
  authority.apply('kind: lock\nversion: v1\nmetadata: { name: stop }\nspec: { target: { bot: builder } }')
const unlock = (authority: TestAuthority) =>
  authority.admin.unary('signet.v1.AdminService', 'DeleteResource', {
    kind: 'lock',
    name: 'stop',
    revision: '',
  })

describe('a locked bot whose certificate has expired', () => {
  it('is sent its lock and nothing else, and renews once that is lifted', async () => {
    const clock = newClock()
    await using authority = await start(clock)
    using bot = await joinBot(authority, 'builder')
    await lock(authority)
    clock.advance(LIFE_MS + 1000)
    using late = botClient(authority, bot.key, bot.certificate)
    using sync = new SyncReader(late)
    const isOnlyTheLock = (message: Awaited<ReturnType<SyncReader['next']>>): void => {
      const { locks, authorityTime: _, ...rest } = message
      assert.deepEqual(
        locks?.locks.map(({ name }) => name),
        ['stop'],
      )
      const said = Object.values(rest).filter((each) => (Array.isArray(each) ? each.length > 0 : each))
      assert.deepEqual(said, [])
    }
    isOnlyTheLock(await sync.next())

    await authority.apply(identityFor(UID, 'while-locked'))
    const next = sync.next()
    clock.advance(HEARTBEAT_MS)
    isOnlyTheLock(await next)

    for (const method of ['IssueX509Svids', 'IssueJwtSvids'] as const) {
      const requests = late.client.unary('signet.v1.IssuanceService', method, { requests: [{}] })
      await assert.rejects(requests, { status: StatusCode.UNAUTHENTICATED })
    }
    await assert.rejects(renewBot(authority, late), { status: StatusCode.PERMISSION_DENIED })

    const told = sync.next()
    await unlock(authority)
    await assert.rejects(told, { status: StatusCode.UNAVAILABLE })
    using renewed = await renewBot(authority, late)
    using again = new SyncReader(renewed)
    await again.snapshot()
    assert.deepEqual([...again.identities.keys()].sort(), ['web', 'while-locked'])
  })

  it('is served again after the lock is lifted, without a restart of the agent', async () => {
    const clock = newClock()
    await using authority = await start(clock)
    const { name, secret } = await authority.createJoinToken('builder')
    const log: string[] = []
    const logger = createLogger({ destination: { write: (line) => void log.push(line) } })
    const place = { authority: authority.address, pin: authority.pin, token: name, secret }
    await using agent = await startAgent(place, { clock, logger })
    using client = agent.client()
    const fetched = (): Promise<number> =>
      client.first('FetchX509SVID').then(
        () => StatusCode.OK,
        ({ code }: { code: number }) => code,
      )
    const until = async (wanted: number): Promise<void> => {
      while ((await fetched()) !== wanted) clock.advance(100)
    }
    await until(StatusCode.OK)
    await lock(authority)
    await until(StatusCode.PERMISSION_DENIED)
    clock.advance(LIFE_MS + 1000)
    assert.equal(await fetched(), StatusCode.PERMISSION_DENIED)
    const heard = log.length
    await unlock(authority)
    await until(StatusCode.OK)
    assert.ok(log.slice(heard).some((line) => line.includes('"event":"renewal.accepted"')))
  })
})
