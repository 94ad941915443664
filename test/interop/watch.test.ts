import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Stack } from '../support/stack.ts'
import { LaneProcess } from './lane-process.ts'
import { findLanes, isLane, skipWithout } from './toolchain.ts'
import { identityOf, userOf } from './users.ts'

const { go, java, python } = await findLanes()
const ROTATIONS = 3
/** Renewed at half of its life. */
const SHORT_LIFE = '  x509: { ttl: 12s }'

interface Ca {
  readonly purpose: string
  readonly state: string
  readonly keyId: string
}

describe('a client watches', { concurrency: 2 }, () => {
  for (const lane of [go, python, java]) {
    it(`${lane.name}`, { skip: skipWithout(lane) }, async (t) => {
      assert.ok(isLane(lane))
      await using stack = await Stack.start()
      const user = await userOf(lane, [lane], stack)
      await stack.apply(identityOf(lane, user, 'web', SHORT_LIFE))
      await using client = new LaneProcess(lane, user, stack.socket, ['watch'])

      const serials = (): Set<string> =>
        new Set(client.all('x509_update').flatMap(({ svids }) => svids.map(({ serial }) => serial)))
      /** Waits for an update with a new serial. */
      const rotation = async (): Promise<void> => {
        const [before, after] = [serials(), client.said.length]
        await client.until(
          'x509_update',
          ({ svids }) => svids.some(({ serial }) => !before.has(serial)),
          after,
        )
      }
      const active = (cas: readonly Ca[], purpose: string): string =>
        cas.find((ca) => ca.purpose === purpose && ca.state === 'active')?.keyId ?? ''
      /** Returns the keys that signed before and that sign now. */
      const rotateCa = async (purpose: string): Promise<[old: string, fresh: string]> => {
        const before = JSON.parse((await stack.admin('ca', 'list', '--json')).stdout) as Ca[]
        await stack.admin('ca', 'rotate', purpose, '--now')
        const now = JSON.parse((await stack.admin('ca', 'list', '--json')).stdout) as Ca[]
        const keys: [string, string] = [active(before, purpose), active(now, purpose)]
        assert.notEqual(...keys)
        return keys
      }
      const restart = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
        await stack.agent.stop(signal)
        await stack.startAgent()
      }

      await client.until('x509_update')
      await client.until('jwt_update')

      await t.test(`${ROTATIONS} rotations of its X.509-SVID`, async () => {
        for (let seen = 0; seen < ROTATIONS; seen += 1) await rotation()
      })

      await t.test('a CA rotation: both CAs in the bundle, then an SVID from the new one', async () => {
        const [old, fresh] = await rotateCa('spiffe_x509')
        await client.until('x509_update', ({ authorities }) =>
          [old, fresh].every((id) => authorities.includes(id)),
        )
        await client.until('x509_update', ({ svids }) => svids.every(({ issuer }) => issuer === fresh))
      })

      await t.test('a rotation of the JWT key: both keys in the bundle', async () => {
        const keys = await rotateCa('jwt')
        await client.until('jwt_update', ({ kids }) => keys.every((kid) => kids.includes(kid)))
      })

      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        await t.test(`both streams continue after ${signal} and a restart of the agent`, async () => {
          await restart(signal)
          await rotation()
          const keys = await rotateCa('jwt')
          await client.until('jwt_update', ({ kids }) => keys.every((kid) => kids.includes(kid)))
        })
      }

      await t.test('a lock withdraws everything, and unlocking restores both streams', async () => {
        const logged = stack.agent.log.length
        await stack.admin('lock', '--workload-identity', 'web')
        await stack.agent.says(/"event":"identity\.denied"/, logged)
        // py-spiffe and java-spiffe do not report errors that they retry.
        if (lane.name === 'go') {
          await client.until('watch_error', ({ code }) => code === 'PermissionDenied')
        }
        const locked = client.said.length
        await stack.admin('unlock', '--workload-identity', 'web')
        await client.until('x509_update', undefined, locked)
        await client.until('jwt_update', undefined, locked)
      })

      await t.test('everything received was valid, and the client never gave up', async () => {
        client.terminate()
        await client.succeeded()
        for (const { problems } of client.all('x509_update')) assert.deepEqual(problems, [])
        for (const { code } of client.all('watch_error')) {
          assert.ok(code === 'Unavailable' || code === 'PermissionDenied', code)
        }
        assert.deepEqual(client.all('error'), [])
        const [last] = client.all('done')
        assert.notEqual(last?.closed, true)
        if (last?.serial !== undefined) assert.ok(serials().has(last.serial))
      })

      const updates = client.all('x509_update').length
      t.diagnostic(
        `${lane.title}, uid ${user.uid}: ${updates} X.509 updates with ${serials().size} certificates, ` +
          `${client.all('jwt_update').length} JWT bundle updates, 1 CA rotation, 3 JWT key rotations, ` +
          `2 agent restarts, 1 lock, ${client.all('watch_error').length} retries reported`,
      )
    })
  }
})
