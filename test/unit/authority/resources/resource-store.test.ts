import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Caller } from '../../../../src/authority/caller.ts'
import { JoinTokens } from '../../../../src/authority/join/join-tokens.ts'
import { type Principal, principalOf } from '../../../../src/authority/principal.ts'
import { ResourceStore } from '../../../../src/authority/resources/resource-store.ts'
import { botYaml, identityYaml, openCatalogue, roleYaml } from '../../../support/catalogue-rig.ts'

const STORED = identityYaml('one', '', 'ours') + identityYaml('two', '', 'theirs') + roleYaml('a')

async function openStore(yaml = STORED) {
  const rig = await openCatalogue(yaml)
  const events: string[] = []
  const store = new ResourceStore({
    ...rig,
    keyLives: { x509Seconds: 30 * 86_400, jwtSeconds: 600 },
    audit: { within: (_writer, event, actor) => void events.push(`${actor} ${event}`) },
    joinTokens: new JoinTokens({ methods: new Map(), clock: rig.clock }),
    trustDomain: 'example.org',
  })
  const apply = (principal: Principal, text: string, dryRun = false) =>
    store.apply({ principal, files: [{ text, name: 'f.yaml' }], dryRun })
  return { rig, store, events, apply, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() }
}

const STRANGERS: readonly Caller[] = [
  { kind: 'anonymous', address: '192.0.2.1' },
  {
    kind: 'bot',
    bot: 'builder',
    instanceId: '01J',
    generation: 1,
    keySha256: '',
    notAfter: 0,
    expired: false,
    address: '',
  },
]
const admin = principalOf({ kind: 'admin', uid: 0, pid: 1 })
/** A principal that may do some things with what is labelled `ours`. */
const ours = (...verbs: string[]): Principal => ({
  actor: 'bot:ci/01J',
  may: (verb, kind, _name, { team }) =>
    kind === 'workload_identity' && team === 'ours' && verbs.includes(verb),
})
const forbidden = (what: string) => ({
  code: 'ERR_RESOURCE_FORBIDDEN',
  publicMessage: `not permitted: ${what}`,
})

describe('ResourceStore', () => {
  it('lets administrators do everything, and records who they are', async () => {
    await using opened = await openStore()
    const { store, apply, events } = opened
    await apply(admin, botYaml('builder', ['a']))
    assert.equal(store.get(admin, 'bot', 'builder').name, 'builder')
    assert.equal(store.list(admin, '').length, 4)
    await store.delete(admin, 'bot', 'builder', '')
    assert.deepEqual(events, ['uid:0 resource.created', 'uid:0 resource.deleted'])
  })

  for (const caller of STRANGERS) {
    it(`lets ${caller.kind} callers do nothing: no role grants verbs`, async () => {
      await using opened = await openStore()
      const { store, apply } = opened
      const principal = principalOf(caller)
      assert.deepEqual(store.list(principal, ''), [])
      assert.throws(() => store.get(principal, 'role', 'a'), forbidden('get role a'))
      await assert.rejects(apply(principal, roleYaml('b')), forbidden('create role b'))
    })
  }

  it('shows each principal what it may see, without disclosing what else exists', async () => {
    await using opened = await openStore()
    const { store } = opened
    const reader = ours('get', 'list')
    assert.deepEqual(
      store.list(reader, '').map(({ name }) => name),
      ['one'],
    )
    assert.equal(store.get(reader, 'workload_identity', 'one').name, 'one')
    for (const name of ['two', 'none']) {
      assert.throws(
        () => store.get(reader, 'workload_identity', name),
        forbidden(`get workload_identity ${name}`),
      )
    }
  })

  it('checks a change by the labels before and after it', async () => {
    await using opened = await openStore()
    const { apply, events } = opened
    const writer = ours('create', 'update')
    await apply(writer, identityYaml('one', 'hint: new', 'ours') + identityYaml('three', '', 'ours'))
    assert.deepEqual(events, ['bot:ci/01J resource.updated', 'bot:ci/01J resource.created'])
    for (const [yaml, what] of [
      [identityYaml('one', '', 'theirs'), 'update workload_identity one'],
      [identityYaml('two', '', 'ours'), 'update workload_identity two'],
      [identityYaml('four', '', 'theirs'), 'create workload_identity four'],
      [identityYaml('five', '', 'ours') + roleYaml('b'), 'create role b'],
    ] as const) {
      await assert.rejects(apply(writer, yaml), forbidden(what))
      await assert.rejects(apply(writer, yaml, true), forbidden(what), 'a dry run would show what is stored')
    }
    assert.equal(events.length, 2)
  })

  it('deletes only for a principal that may delete', async () => {
    await using opened = await openStore()
    const { store, events } = opened
    await assert.rejects(
      store.delete(ours('get', 'update'), 'workload_identity', 'one', ''),
      forbidden('delete workload_identity one'),
    )
    await assert.rejects(
      store.delete(ours('delete'), 'workload_identity', 'two', ''),
      forbidden('delete workload_identity two'),
    )
    await store.delete(ours('delete'), 'workload_identity', 'one', '')
    assert.deepEqual(events, ['bot:ci/01J resource.deleted'])
  })
})
