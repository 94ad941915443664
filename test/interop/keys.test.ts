import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseJws } from '../../src/crypto/jws.ts'
import { Stack } from '../support/stack.ts'
import { LaneProcess } from './lane-process.ts'
import { findLanes, isLane, type Lane, skipWithout } from './toolchain.ts'
import { identityOf, userOf } from './users.ts'

const lanes = await findLanes()
const AUDIENCES = { orders: 'ES256', 'sts.amazonaws.com': 'RS256', 'partner.example': 'ES384' } as const
const BY_AUDIENCE = 'jwt: { by_audience: { sts.amazonaws.com: RS256, partner.example: ES384 } }\n'
const KEYS = { 'ec-p256': 'ECDSA', 'ec-p384': 'ECDSA', 'rsa-2048': 'RSA' } as const
const typed = (type: string): string => `  x509: { key_type: ${type} }`
const idOf = (name: string): string => `spiffe://example.org/${name}`

describe('a client accepts every key type and every algorithm', () => {
  for (const lane of [lanes.go, lanes.python]) {
    it(`${lane.name}`, { skip: skipWithout(lane) }, async (t) => {
      assert.ok(isLane(lane))
      await using stack = await Stack.start({ authorityYaml: BY_AUDIENCE })
      const user = await userOf(lane, [lane], stack)
      await stack.apply(
        Object.keys(KEYS)
          .map((type) => identityOf(lane, user, type, typed(type)))
          .join(''),
      )

      // Each audience together with one that has no algorithm of its own: it decides for both.
      for (const [audience, algorithm] of Object.entries(AUDIENCES)) {
        const flags = ['--audience', audience, '--audience', 'orders-too']
        await using client = new LaneProcess(lane, user, stack.socket, ['fetch', ...flags])
        await client.succeeded()
        const found = client.all('x509_svid').map(({ id, key }) => [id, key])
        const wanted = Object.entries(KEYS).map(([type, key]) => [idOf(type), key])
        assert.deepEqual(Object.fromEntries(found), Object.fromEntries(wanted))
        const tokens = client.all('jwt_svid').filter((svid) => svid.audience.includes(audience))
        assert.equal(tokens.length, 2 * Object.keys(KEYS).length)
        for (const { token } of tokens) assert.equal(parseJws(token).header['alg'], algorithm)
        const kids = client.all('jwt_bundle')[0]?.kids ?? []
        for (const { token } of tokens) assert.ok(kids.includes(String(parseJws(token).header['kid'])))
        t.diagnostic(
          `${lane.title} verified ${tokens.length} JWT-SVIDs with ${algorithm} and an X.509-SVID each`,
        )
      }
    })
  }
})

describe('mutual TLS between key types', { skip: skipWithout(lanes.go, lanes.python) }, () => {
  for (const [server, client] of [
    ['rsa-2048', 'ec-p384'],
    ['ec-p384', 'rsa-2048'],
  ] as const) {
    it(`${server} in go and ${client} in python, either as server`, async () => {
      const both: Lane[] = Object.values(lanes).filter(isLane)
      const { go, python } = lanes
      assert.ok(isLane(go) && isLane(python))
      await using stack = await Stack.start()
      const [goUser, pythonUser] = [await userOf(go, both, stack), await userOf(python, both, stack)]
      await stack.apply(identityOf(go, goUser, 'in-go', typed(server)))
      await stack.apply(identityOf(python, pythonUser, 'in-python', typed(client)))
      for (const [serverLane, serverUser, clientLane, clientUser] of [
        [go, goUser, python, pythonUser],
        [python, pythonUser, go, goUser],
      ] as const) {
        const [serverId, clientId] = [idOf(`in-${serverLane.name}`), idOf(`in-${clientLane.name}`)]
        const serve = ['serve', '--peer', clientId]
        await using serving = new LaneProcess(serverLane, serverUser, stack.socket, serve)
        const { address } = await serving.until('listening')
        const dial = ['dial', '--peer', serverId, '--address', address]
        await using dialling = new LaneProcess(clientLane, clientUser, stack.socket, dial)
        await dialling.succeeded()
        assert.deepEqual(dialling.all('answered'), [{ event: 'answered', line: `hello ${clientId}` }])
      }
    })
  }
})
