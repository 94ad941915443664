import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  deleteInstance,
  findInstance,
  insertInstance,
  setPending,
  setUsed,
} from '../../../../../src/authority/datastore/instance-repository.ts'
import {
  findTokenUse,
  insertJoinToken,
  takeTokenUse,
} from '../../../../../src/authority/datastore/join-token-repository.ts'
import type { Datastore } from '../../../../../src/authority/datastore/ports.ts'
import { ResourceRepository } from '../../../../../src/authority/datastore/resource-repository.ts'
import { takeRevisions } from '../../../../../src/authority/datastore/revisions.ts'
import {
  deleteSigningKey,
  insertSigningKey,
  updateActivation,
  updateSigningKeyState,
} from '../../../../../src/authority/datastore/signing-key-repository.ts'
import { FakeClock } from '../../../../fakes/fake-clock.ts'
import { type Engine, openWith } from './engine.ts'

const CONFLICT = { code: 'ERR_DATASTORE_REVISION_CONFLICT' }
const bot = (name: string, spec = {}) => ({ kind: 'bot', name, metadata: { labels: {} }, spec })

function outcomesOf(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.map((result) => (result.status === 'fulfilled' ? 'won' : result.reason.code))
}

export function revisionsContract(engine: Engine): void {
  describe(`revisions on ${engine.name}`, () => {
    it('are given once, in order, also several at a time', async () => {
      await using datastore = await openWith(engine)
      assert.equal(await datastore.transaction((tx) => takeRevisions(tx)), 1)
      assert.equal(await datastore.transaction((tx) => takeRevisions(tx, 10)), 2)
      assert.equal(await datastore.transaction((tx) => takeRevisions(tx)), 12)
    })
  })

  describe(`resources on ${engine.name}`, () => {
    it('are written only over what was seen: of two changes of one resource, one wins', async () => {
      await using datastore = await openWith(engine)
      const resources = new ResourceRepository(datastore, new FakeClock())
      const put = (spec: object, revision?: string) =>
        datastore.transaction((tx) => resources.put(tx, bot('a', spec), { revision }))
      const { revision } = await put({ n: 0 })
      await assert.rejects(put({ n: 1 }), CONFLICT, 'there is one already')
      const raced = await Promise.allSettled([put({ n: 2 }, revision), put({ n: 3 }, revision)])
      assert.deepEqual(outcomesOf(raced), ['won', CONFLICT.code])
      assert.deepEqual((await resources.get('bot', 'a'))?.spec, { n: 2 })
      const remove = datastore.transaction((tx) => resources.remove(tx, 'bot', 'a', { revision }))
      await assert.rejects(remove, CONFLICT)
    })

    it('of one change are all written or none', async () => {
      await using datastore = await openWith(engine)
      const resources = new ResourceRepository(datastore, new FakeClock())
      const puts = Array.from({ length: 250 }, (_, n) => ({ resource: bot(`b-${n}`, { n }) }))
      const stored = await datastore.transaction((tx) => resources.putAll(tx, puts))
      assert.deepEqual(
        stored.map(({ revision }) => Number(revision)),
        puts.map((_, index) => index + 1),
      )
      assert.deepEqual((await resources.get('bot', 'b-249'))?.spec, { n: 249 })
      const second = puts.map(({ resource }, n) => ({
        resource: { ...resource, spec: 'again' },
        before: { revision: n === 200 ? 'another' : stored[n]?.revision },
      }))
      await assert.rejects(
        datastore.transaction((tx) => resources.putAll(tx, second)),
        CONFLICT,
      )
      assert.deepEqual((await resources.get('bot', 'b-0'))?.spec, { n: 0 })
    })
  })

  describe(`join tokens on ${engine.name}`, () => {
    it('are used as often as they may be, however many joins race', async () => {
      await using datastore = await openWith(engine)
      await makeToken(datastore)
      const takes = Array.from({ length: 20 }, (_, n) =>
        datastore.transaction((tx) =>
          takeTokenUse(tx, { token: 't', keySha256: `key ${n}`, instanceId: `I${n}` }, 5, 0),
        ),
      )
      assert.equal((await Promise.all(takes)).filter(Boolean).length, 5)
      assert.equal((await datastore.rows('join_token_uses')).length, 5)
    })

    it('of a failed join are not used up', async () => {
      await using datastore = await openWith(engine)
      await makeToken(datastore)
      const use = { token: 't', keySha256: 'key', instanceId: 'I' }
      const failing = datastore.transaction(async (tx) => {
        await takeTokenUse(tx, use, 1, 0)
        throw new TypeError('on purpose')
      })
      await assert.rejects(failing, TypeError)
      assert.equal(await datastore.transaction((tx) => takeTokenUse(tx, use, 1, 0)), true)
      assert.equal(await datastore.transaction((tx) => takeTokenUse(tx, use, 1, 0)), false)
    })

    it('keep their first secret, and are deleted with their resource', async () => {
      await using datastore = await openWith(engine)
      const resources = await makeToken(datastore)
      const again = { name: 't', methodState: 'other' }
      assert.equal(await datastore.transaction((tx) => insertJoinToken(tx, again, 0)), false)
      await datastore.transaction((tx) => resources.remove(tx, 'join_token', 't'))
      assert.deepEqual(await datastore.rows('join_tokens'), [])
    })
  })

  describe(`generations of bot instances on ${engine.name}`, () => {
    it('are pending, then used, then superseded', async () => {
      await using datastore = await openWith(engine)
      const { certify, use, states } = await makeInstance(datastore)
      await certify(1, 'a')
      await use(1, 'a')
      await certify(2, 'b')
      assert.deepEqual(await states(), ['1 a used', '2 b pending'])
      await certify(2, 'c')
      assert.deepEqual(await states(), ['1 a used', '2 b superseded', '2 c pending'])
      await use(2, 'c')
      assert.deepEqual(await states(), ['1 a superseded', '2 b superseded', '2 c used'])
      const spent = await datastore.transaction((tx) => findTokenUse(tx, 't', 'key'))
      assert.equal(spent?.redeemed_ms, 7)
    })

    it('are used by only one of two callers that know the same revision', async () => {
      await using datastore = await openWith(engine)
      const { certify, at, instance } = await makeInstance(datastore)
      await certify(1, 'a')
      const known = await at()
      const first = { generation: 1, keySha256: 'a' }
      const raced = await Promise.allSettled([
        datastore.transaction((tx) => setUsed(tx, known, first, 7)),
        datastore.transaction((tx) => setUsed(tx, known, first, 7)),
      ])
      assert.deepEqual(outcomesOf(raced), ['won', CONFLICT.code])
      await assert.rejects(
        datastore.transaction((tx) => deleteInstance(tx, known)),
        CONFLICT,
      )
      await datastore.transaction(async (tx) => deleteInstance(tx, await at(tx)))
      assert.equal(await instance(), undefined)
    })

    it('follow one another: only the successor of the one in use can be certified', async () => {
      await using datastore = await openWith(engine)
      const { certify, use, states } = await makeInstance(datastore)
      await certify(1, 'a')
      await assert.rejects(certify(2, 'b'), CONFLICT)
      await use(1, 'a')
      await assert.rejects(certify(1, 'b'), CONFLICT)
      await assert.rejects(certify(3, 'b'), CONFLICT)
      assert.deepEqual(await states(), ['1 a used'])
    })

    it('that were superseded are deleted, except the newest few', async () => {
      await using datastore = await openWith(engine)
      const { certify, states } = await makeInstance(datastore)
      for (let n = 0; n < 40; n++) await certify(1, `key ${n}`, n)
      const kept = await states()
      assert.equal(kept.length, 33)
      assert.ok(kept.includes('1 key 39 pending') && !kept.some((state) => state.startsWith('1 key 0 ')))
    })
  })

  describe(`signing keys on ${engine.name}`, () => {
    it('are changed only as they were seen, and lose their private key when they retire', async () => {
      await using datastore = await openWith(engine)
      const revision = await datastore.transaction((tx) => insertSigningKey(tx, signingKey('K')))
      const activate = (at: number) =>
        datastore.transaction((tx) => updateActivation(tx, { id: 'K', revision: at }, 9))
      const next = await activate(revision)
      assert.ok(next > revision)
      await assert.rejects(activate(revision), CONFLICT)
      const retire = (at: number) =>
        datastore.transaction((tx) => updateSigningKeyState(tx, { id: 'K', revision: at }, 'retired'))
      await assert.rejects(retire(revision), CONFLICT)
      const last = await retire(next)
      const [row] = await datastore.rows('signing_keys', { id: 'K' })
      assert.deepEqual([row?.state, row?.activate_ms, row?.sealed_private_key.length], ['retired', null, 0])
      const remove = (at: number) =>
        datastore.transaction((tx) => deleteSigningKey(tx, { id: 'K', revision: at }))
      await assert.rejects(remove(next), CONFLICT)
      await remove(last)
      assert.deepEqual(await datastore.rows('signing_keys'), [])
    })
  })
}

async function makeToken(datastore: Datastore): Promise<ResourceRepository> {
  const resources = new ResourceRepository(datastore, new FakeClock())
  await datastore.transaction(async (tx) => {
    await resources.put(tx, { ...bot('t'), kind: 'join_token' })
    await insertJoinToken(tx, { name: 't', methodState: 'secret' }, 0)
  })
  return resources
}

async function makeInstance(datastore: Datastore) {
  const resources = await makeToken(datastore)
  const names = { id: 'I', bot: 'builder', joinToken: 't', joinMethod: 'secret', joinAttributes: {} }
  await datastore.transaction(async (tx) => {
    await resources.put(tx, bot('builder'))
    await takeTokenUse(tx, { token: 't', keySha256: 'key', instanceId: 'I' }, 1, 0)
    await insertInstance(tx, { ...names, agentVersion: '1', hostname: 'h' }, 0)
  })
  const find = (tx?: Parameters<typeof findInstance>[0]) =>
    tx ? findInstance(tx, 'I') : datastore.transaction((own) => findInstance(own, 'I'))
  return {
    instance: find,
    at: async (tx?: Parameters<typeof findInstance>[0]) => {
      const found = await find(tx)
      return { id: 'I', revision: found?.instance.revision ?? -1 }
    },
    certify: (generation: number, keySha256: string, nowMs = 5) =>
      datastore.transaction((tx) =>
        setPending(tx, 'I', { generation, keySha256, notAfterMs: 10, agentVersion: '1' }, nowMs),
      ),
    use: (generation: number, keySha256: string) =>
      datastore.transaction((tx) => setUsed(tx, { id: 'I' }, { generation, keySha256 }, 7)),
    states: async () => {
      const found = await find()
      const shown = (found?.generations ?? []).map(
        ({ generation, key_sha256, state }) => `${generation} ${key_sha256} ${state}`,
      )
      return shown.sort()
    },
  }
}

function signingKey(id: string) {
  return {
    id,
    purpose: 'jwt',
    state: 'prepared',
    key_id: 'aa',
    parent_id: null,
    certificate: null,
    public_key: Buffer.from('public'),
    sealed_private_key: Buffer.from('sealed'),
    not_before_ms: 0,
    not_after_ms: 1,
    created_ms: 0,
    activate_ms: 5,
  } as const
}
