import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Stack } from '../support/stack.ts'
import { LaneProcess } from './lane-process.ts'
import { findLanes, isLane, skipWithout } from './toolchain.ts'
import { identityOf, userOf } from './users.ts'

const { go, java, python } = await findLanes()
const AUDIENCES = ['orders', 'https://billing.example.org/api'] as const
const FLAGS = AUDIENCES.flatMap((audience) => ['--audience', audience])

/** Two identities for one process, distinguished by their hints. */
const IDENTITIES = [
  { id: 'spiffe://example.org/inside', hint: 'internal' },
  { id: 'spiffe://example.org/outside', hint: 'external' },
] as const

interface Ca {
  readonly purpose: string
  readonly keyId: string
}

interface AuditRow {
  readonly detail: { readonly serial?: string; readonly jti?: string }
}

describe('a client fetches one of everything', () => {
  for (const lane of [go, python, java]) {
    it(`${lane.name}`, { skip: skipWithout(lane) }, async (t) => {
      assert.ok(isLane(lane))
      await using stack = await Stack.start()
      const user = await userOf(lane, [lane], stack)
      await stack.apply(
        IDENTITIES.map(({ id, hint }) =>
          identityOf(lane, user, id.slice(id.lastIndexOf('/') + 1), `  hint: ${hint}`),
        ).join(''),
      )
      await using client = new LaneProcess(lane, user, stack.socket, ['fetch', ...FLAGS])
      await client.succeeded()
      const cas = JSON.parse((await stack.admin('ca', 'list', '--json')).stdout) as Ca[]
      const keysFor = (purpose: string) =>
        cas.filter((ca) => ca.purpose === purpose).map(({ keyId }) => keyId)
      const ids = IDENTITIES.map(({ id }) => id)

      await t.test('X.509-SVIDs: each identity, with a serial number from the audit log', async () => {
        const svids = client.all('x509_svid')
        assert.deepEqual(svids.map(({ id }) => id).sort(), ids)
        const rows = await stack.admin('audit', 'list', '--json', '--event', 'x509_svid.issued')
        const issued = (JSON.parse(rows.stdout) as AuditRow[]).map(({ detail }) => detail.serial)
        for (const { serial } of svids) assert.ok(issued.includes(serial), `${serial} in ${issued}`)
        assert.equal(new Set(svids.map(({ serial }) => serial)).size, ids.length)
      })

      await t.test('bundles: the keys that the authority lists', () => {
        const trustDomain = 'example.org'
        const authorities = keysFor('spiffe_x509')
        assert.deepEqual(client.all('x509_bundle'), [{ event: 'x509_bundle', trustDomain, authorities }])
        assert.deepEqual(client.all('jwt_bundle'), [
          { event: 'jwt_bundle', trustDomain, kids: keysFor('jwt') },
        ])
      })

      await t.test('JWT-SVIDs: each identity for one audience and for two, and no other audience', () => {
        const svids = client.all('jwt_svid')
        const wanted = [[...AUDIENCES], ...AUDIENCES.map((audience) => [audience])]
        assert.deepEqual(
          svids.map(({ id, audience }) => JSON.stringify([id, [...audience].sort()])).sort(),
          wanted.flatMap((audience) => ids.map((id) => JSON.stringify([id, audience.sort()]))).sort(),
        )
        for (const { otherAudience } of svids) assert.equal(otherAudience, 'InvalidArgument')
      })

      await t.test('a JWT-SVID of one identity by its SPIFFE ID', () => {
        const found = client.all('jwt_of_subject')
        assert.deepEqual(found.map(({ wanted }) => wanted).sort(), ids)
        for (const { id, wanted } of found) assert.equal(id, wanted)
      })

      // py-spiffe does not support hints; only go-spiffe supports WIT-SVIDs.
      if (lane.name !== 'python') {
        await t.test('hints', () => {
          for (const { id, hint } of [...client.all('x509_svid'), ...client.all('jwt_svid')]) {
            assert.equal(hint, IDENTITIES.find((identity) => identity.id === id)?.hint)
          }
        })
      }
      if (lane.name === 'go') {
        await t.test('WIT-SVIDs are answered UNIMPLEMENTED', () => {
          assert.deepEqual(client.all('wit'), [{ event: 'wit', code: 'Unimplemented' }])
        })
      }

      const requests = client.all('done')[0]?.requests
      const [x509, jwt] = [client.all('x509_svid').length, client.all('jwt_svid').length]
      t.diagnostic(
        `${lane.title}, uid ${user.uid}: ${requests} requests, ${x509} X.509-SVIDs and ${jwt} JWT-SVIDs verified`,
      )
    })
  }
})
