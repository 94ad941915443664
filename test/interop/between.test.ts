import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Stack } from '../support/stack.ts'
import { LaneProcess } from './lane-process.ts'
import { findLanes, isLane, type Lane, type LaneName, skipWithout } from './toolchain.ts'
import { identityOf, type User, userOf, whyOneUser } from './users.ts'

const lanes = await findLanes()
const skip = skipWithout(lanes.go, lanes.python)
const DIRECTIONS = [
  ['go', 'python'],
  ['python', 'go'],
] as const

const idOf = (name: LaneName): string => `spiffe://example.org/written-in-${name}`
interface AuditRow {
  readonly detail: {
    readonly spiffeId: string
    readonly attributes: { readonly workload: { readonly unix: { readonly uid: number } } }
  }
}

const STRANGER = 'spiffe://example.org/somebody-else'

describe('two clients, two workload identities', { skip }, () => {
  let stack: Stack
  let oneUser: string | undefined
  const users = new Map<LaneName, User>()
  const run = (name: LaneName, ...args: string[]): LaneProcess => {
    const [lane, user] = [lanes[name], users.get(name)]
    assert.ok(isLane(lane) && user !== undefined)
    return new LaneProcess(lane, user, stack.socket, args)
  }

  before(async () => {
    const both: Lane[] = [lanes.go, lanes.python].filter(isLane)
    stack = await Stack.start()
    oneUser = whyOneUser(both)
    for (const lane of both) {
      const user = await userOf(lane, both, stack)
      users.set(lane.name, user)
      await stack.apply(identityOf(lane, user, `written-in-${lane.name}`))
    }
  })
  after(() => stack?.[Symbol.asyncDispose]())

  for (const [issuer, validator] of DIRECTIONS) {
    it(`a JWT-SVID of ${issuer} is validated by ${validator}, locally and through the agent`, async (t) => {
      await using holder = run(issuer, 'fetch', '--audience', idOf(validator))
      await holder.succeeded()
      const [svid] = holder.all('jwt_svid')
      assert.ok(svid)
      assert.equal(svid.id, idOf(issuer))
      await using checker = run(validator, 'validate', '--audience', idOf(validator), '--token', svid.token)
      await checker.succeeded()
      const [validated] = checker.all('validated')
      assert.deepEqual(validated, {
        event: 'validated',
        local: idOf(issuer),
        remote: idOf(issuer),
        forged: 'InvalidArgument',
        otherAudience: 'InvalidArgument',
      })
      t.diagnostic(
        `${validator} accepted ${validated.local}, and refused a forged signature and another audience`,
      )
    })
  }

  for (const [server, client] of DIRECTIONS) {
    const title = `mutual TLS, server ${server}, client ${client}`
    it(`${title}: each recognises the other`, async (t) => {
      await using serving = run(server, 'serve', '--peer', idOf(client))
      const { address } = await serving.until('listening')
      await using dialling = run(client, 'dial', '--peer', idOf(server), '--address', address)
      await dialling.succeeded()
      assert.deepEqual(dialling.all('answered'), [{ event: 'answered', line: `hello ${idOf(client)}` }])
      const served = await serving.until('served')
      assert.deepEqual(served, { event: 'served', peer: idOf(client), line: `from ${client}` })
      t.diagnostic(`${client} was greeted as ${served.peer}`)
    })

    it(`${title}: the client refuses a server with another ID`, async () => {
      await using serving = run(server, 'serve', '--peer', idOf(client))
      const { address } = await serving.until('listening')
      await using dialling = run(client, 'dial', '--peer', STRANGER, '--address', address)
      assert.equal(await dialling.ended(), 1)
      assert.deepEqual(dialling.all('answered'), [])
      assert.match(dialling.all('error')[0]?.message ?? '', new RegExp(idOf(server)))
      await serving.until('refused')
      assert.deepEqual(serving.all('served'), [])
    })

    it(`${title}: the server refuses a client with another ID`, async () => {
      await using serving = run(server, 'serve', '--peer', STRANGER)
      const { address } = await serving.until('listening')
      await using dialling = run(client, 'dial', '--peer', idOf(server), '--address', address)
      const { message } = await serving.until('refused')
      assert.match(message, new RegExp(idOf(client)))
      assert.equal(await dialling.ended(), 1)
      assert.deepEqual(dialling.all('answered'), [])
    })
  }

  it('the authority recorded a different user for each', async (t) => {
    const rows = await stack.admin('audit', 'list', '--json', '--event', 'x509_svid.issued')
    const callers = (JSON.parse(rows.stdout) as AuditRow[]).map(({ detail }) => [
      detail.spiffeId,
      detail.attributes.workload.unix.uid,
    ])
    const wanted = (['go', 'python'] as const).map((name) => [idOf(name), users.get(name)?.uid])
    assert.deepEqual(Object.fromEntries(callers), Object.fromEntries(wanted))
    t.diagnostic(wanted.map(([id, uid]) => `${id} went to uid ${uid}`).join(', '))
    if (oneUser !== undefined) t.skip(`${oneUser}: both ran as one user, distinguished by their executables`)
  })
})
