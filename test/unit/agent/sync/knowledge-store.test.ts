import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { Attestation } from '../../../../src/agent/attestation/attest.ts'
import { UnixAttestor } from '../../../../src/agent/attestation/unix-attestor.ts'
import { KnowledgeStore } from '../../../../src/agent/sync/knowledge-store.ts'
import { silentLogger } from '../../../../src/foundation/logger.ts'
import type { Attributes } from '../../../../src/policy/attributes.ts'
import type { SyncResponse__Output } from '../../../../src/rpc/gen/signet/v1/SyncResponse.ts'
import { fakeCaller } from '../../../fakes/fake-caller.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { FakeIssuer } from '../../../fakes/fake-issuer.ts'

const CALLER = { workload: { unix: { uid: 1000 } } }
const QUIET: SyncResponse__Output = {
  snapshotBegin: false,
  snapshotEnd: false,
  upserts: [],
  removals: [],
  bot: null,
  bundle: null,
  locks: null,
  federatedBundles: null,
  trustDomain: '',
  authorityTime: null,
}

const identity = (
  name: string,
  revision = '1',
  spec: object = { allow: [{ match: { 'workload.unix.uid': 1000 } }] },
) => ({
  name,
  revision,
  labels: {},
  specJson: JSON.stringify({ spiffe_id: `/${name}`, ...spec }),
})

describe('KnowledgeStore', () => {
  let spiffeBundle: Buffer
  before(async () => {
    spiffeBundle = (await FakeIssuer.create(new FakeClock())).bundle().format()
  })

  const begin = (): SyncResponse__Output => ({
    ...QUIET,
    snapshotBegin: true,
    trustDomain: 'example.org',
    bot: {
      name: 'builder',
      instanceId: '01J',
      attributesJson: '{"join":{"method":"secret"},"bot":{"name":"builder"}}',
      rolesJson: '',
    },
    bundle: {
      spiffeBundle,
      taintedKeyIds: [],
      activeX509KeyId: 'x',
      activeJwtKeyId: 'j',
      activeJwtKeyIds: ['j'],
      svidLives: null,
    },
    locks: { locks: [] },
    federatedBundles: { bundles: [], more: false },
  })
  const END = { ...QUIET, snapshotEnd: true }

  function create(clock = new FakeClock()) {
    const store = new KnowledgeStore({ clock, logger: silentLogger })
    store.belongTo('example.org')
    const granted = (): string[] =>
      (store.current.value?.policy.decide(CALLER) ?? []).map((grant) => `${grant.spiffeId}@${grant.revision}`)
    return { store, granted, clock }
  }

  function synced(clock?: FakeClock, ...upserts: ReturnType<typeof identity>[]) {
    const made = create(clock)
    made.store.apply(begin())
    made.store.apply({ ...QUIET, upserts })
    made.store.apply(END)
    return made
  }

  it('knows nothing before a whole snapshot', () => {
    const { store, granted } = create()
    assert.equal(store.apply(begin()), false)
    store.apply({ ...QUIET, upserts: [identity('a')] })
    assert.deepEqual(granted(), [])
    assert.equal(store.apply(END), true)
    assert.equal(store.current.value?.policy.size, 1)
    assert.deepEqual(store.current.value?.facts.join, { method: 'secret' })
  })

  it('applies changes one by one, and keeps the rest', () => {
    const { store, granted } = synced(undefined, identity('a'), identity('b'))
    store.apply({ ...QUIET, upserts: [identity('a', '2')], removals: ['b'] })
    assert.deepEqual(granted(), ['spiffe://example.org/a@2'])
  })

  it('drops what a later snapshot does not name', () => {
    const { store, granted } = synced(undefined, identity('a'), identity('b'))
    store.apply(begin())
    store.apply({ ...QUIET, upserts: [identity('b')] })
    assert.equal(granted().length, 2, 'not before the snapshot ends')
    store.apply(END)
    assert.deepEqual(granted(), ['spiffe://example.org/b@1'])
  })

  it('keeps what it knew when a snapshot breaks off', () => {
    const { store, granted } = synced(undefined, identity('a'))
    store.apply(begin())
    store.abandon()
    store.apply({ ...QUIET, upserts: [identity('b')] })
    assert.equal(granted().length, 2)
  })

  it('notifies nobody of a heartbeat, nor of a snapshot without changes', () => {
    const { store } = synced(undefined, identity('a'))
    const before = store.current.value
    store.apply(QUIET)
    store.apply(begin())
    store.apply({ ...QUIET, upserts: [identity('a')] })
    store.apply(END)
    assert.equal(store.current.value, before)
  })

  it('has callers attested again when changed facts of the bot may make another attribute matter', async () => {
    const binary_sha256 = 'ab'.repeat(32)
    const match = { 'bot.traits.env': 'prod', 'workload.unix.binary_sha256': binary_sha256 }
    const { store } = synced(undefined, identity('a', '1', { allow: [{ match }] }))
    const accounts = { user: () => undefined, group: () => undefined, revision: 1 }
    const digests = { lateOf: () => 0, known: () => undefined, of: async () => binary_sha256 }
    const attestation = new Attestation({ attestors: [new UnixAttestor({ accounts, digests })] })
    const { peer } = fakeCaller()
    const grantedTo = async (): Promise<number | undefined> => {
      const { policy, facts } = store.current.value ?? {}
      const dependsOn = (path: string, workload: Attributes) =>
        policy?.dependsOn(path, { workload, ...facts }) === true
      const found = await attestation.attest(peer, policy?.usedAttributes ?? new Set(), dependsOn)
      return policy?.decide({ ...found, ...facts }).length
    }
    assert.equal(await grantedTo(), 0)
    const { bot } = begin()
    const attributesJson = '{"join":{},"bot":{"name":"builder","traits":{"env":"prod"}}}'
    store.apply({ ...QUIET, bot: bot && { ...bot, attributesJson } })
    assert.equal(await grantedTo(), 1)
  })

  it('refuses another trust domain', () => {
    const { store } = create()
    assert.throws(() => store.apply({ ...begin(), trustDomain: 'evil.example' }), {
      code: 'ERR_SYNC_INVALID',
    })
    assert.equal(store.current.value, undefined)
  })

  it('refuses an invalid bundle, and keeps the one it has', () => {
    const { store } = synced(undefined, identity('a'))
    const bundle = {
      spiffeBundle: Buffer.from('{'),
      taintedKeyIds: [],
      activeX509KeyId: '',
      activeJwtKeyId: '',
      activeJwtKeyIds: [],
      svidLives: null,
    }
    assert.throws(() => store.apply({ ...QUIET, bundle }), { code: 'ERR_SPIFFE_BUNDLE_INVALID' })
    assert.equal(store.current.value?.bundle.x509Authorities.length, 1)
  })

  it('knows every JWT key that signs, or the only one that an older authority names', () => {
    const { store } = synced(undefined, identity('a'))
    const active = () => [...(store.current.value?.activeJwtKeyIds ?? [])]
    const { bundle } = begin()
    assert.ok(bundle)
    store.apply({ ...QUIET, bundle: { ...bundle, activeJwtKeyId: 'es', activeJwtKeyIds: ['es', 'rs'] } })
    assert.deepEqual(active(), ['es', 'rs'])
    store.apply({ ...QUIET, bundle: { ...bundle, activeJwtKeyId: 'old', activeJwtKeyIds: [] } })
    assert.deepEqual(active(), ['old'])
  })

  it('restores what an earlier version stored, which knew one JWT key', () => {
    const { store } = synced(undefined, identity('a'))
    const kept = store.snapshot()
    assert.ok(kept)
    const { activeJwtKeyIds: _, ...bundle } = kept.bundle
    const later = create().store
    later.restore({ ...kept, bundle })
    assert.deepEqual([...(later.current.value?.activeJwtKeyIds ?? [])], ['j'])
  })

  it('ignores a workload identity that it does not understand, including the older revision', () => {
    const { store, granted } = synced(undefined, identity('a'), identity('b'))
    store.apply({ ...QUIET, upserts: [identity('a', '2', { from_the_future: true })] })
    assert.deepEqual(granted(), ['spiffe://example.org/b@1'])
  })

  it('knows the locks on identities and SPIFFE IDs until they expire', () => {
    const clock = new FakeClock()
    const { store } = synced(clock, identity('a'))
    const until = String(clock.now().getTime() + 1000)
    store.apply({ ...QUIET, locks: { locks: [{ name: 'l', workloadIdentity: 'a', expiresMs: until }] } })
    const subject = { workloadIdentity: 'a', spiffeId: 'spiffe://example.org/a' }
    assert.equal(store.current.value?.lockOn(subject), 'a lock on the workload identity')
    assert.equal(store.current.value?.lockOn({ ...subject, workloadIdentity: 'b' }), undefined)
    assert.equal(store.current.value?.botLock, undefined)
    clock.advance(1000)
    assert.equal(store.current.value?.lockOn(subject), undefined)
  })

  for (const target of [{ bot: 'builder' }, { botInstance: '01J' }, { joinToken: 'first' }]) {
    it(`is locked as a whole by a lock on ${Object.keys(target)[0]}`, () => {
      const { store } = synced()
      store.apply({ ...QUIET, locks: { locks: [{ name: 'l', ...target, expiresMs: '0' }] } })
      assert.ok(store.current.value?.botLock)
      store.apply({ ...QUIET, locks: { locks: [] } })
      assert.equal(store.current.value?.botLock, undefined)
    })
  }

  it('checks grants against the roles of the bot, as they are now and after a restart', () => {
    const { store } = synced(undefined, identity('a'))
    const refusal = (of = store): string | undefined => {
      const [grant] = of.current.value?.policy.decide(CALLER) ?? []
      assert.ok(grant)
      const checked = of.current.value?.checkRoles(grant, {})
      return checked && 'refused' in checked ? checked.refused : undefined
    }
    const { bot } = begin()
    const roles = (...ids: string[]): string =>
      JSON.stringify([{ name: 'r', spec: { allow: [{ kind: 'workload_identity', spiffe_ids: ids }] } }])
    const hear = (rolesJson: string): void => {
      if (bot) store.apply({ ...QUIET, bot: { ...bot, rolesJson } })
    }
    assert.equal(refusal(), undefined) // roles were not mentioned
    hear(roles('/other'))
    assert.equal(refusal(), 'no role allows the SPIFFE ID spiffe://example.org/a')
    const later = create().store
    later.restore(structuredClone(store.snapshot()))
    assert.equal(refusal(later), 'no role allows the SPIFFE ID spiffe://example.org/a')
    hear(roles('/a'))
    assert.equal(refusal(), undefined)
    // A newer authority may send a pattern that this agent cannot read.
    hear('[{"name":"r","spec":{"allow":[{"kind":"workload_identity","spiffe_ids":["["]}]}}]')
    assert.equal(refusal(), undefined)
  })

  it('is locked when the authority refuses the bot, also after a restart, until a snapshot arrives', () => {
    const { store } = synced(undefined, identity('a'))
    store.refuse()
    assert.ok(store.current.value?.botLock)
    const { store: later } = create()
    later.restore(structuredClone(store.snapshot()))
    assert.ok(later.current.value?.botLock)
    for (const each of [store, later]) {
      each.apply(begin())
      each.apply({ ...QUIET, upserts: [identity('a')] })
      each.apply(END)
      assert.equal(each.current.value?.botLock, undefined)
    }
  })

  describe('of foreign trust domains', () => {
    const named = (trustDomain: string, bundle: Buffer | string = spiffeBundle) => {
      return { trustDomain, spiffeBundle: Buffer.from(bundle) }
    }
    const list = (...bundles: ReturnType<typeof named>[]): SyncResponse__Output => {
      return { ...QUIET, federatedBundles: { bundles, more: false } }
    }
    const page = (bundle: ReturnType<typeof named>): SyncResponse__Output => {
      return { ...QUIET, federatedBundles: { bundles: [bundle], more: true } }
    }
    const known = ({ store }: ReturnType<typeof create>) => store.current.value?.federatedBundles
    const names = (made: ReturnType<typeof create>): string[] => [...(known(made)?.keys() ?? [])]

    it('has the last whole list', () => {
      const made = synced()
      made.store.apply(list(named('a.example'), named('b.example')))
      assert.deepEqual(names(made), ['a.example', 'b.example'])
      made.store.apply(list(named('b.example')))
      assert.deepEqual(names(made), ['b.example'])
      assert.equal(known(made)?.get('b.example')?.trustDomain, 'b.example')
      made.store.apply({ ...QUIET, upserts: [identity('web')] })
      assert.deepEqual(names(made), ['b.example'], 'a message without a list says nothing of it')
    })

    it('applies a list of several messages as a whole, also in a snapshot', () => {
      const made = synced()
      made.store.apply(page(named('a.example')))
      assert.deepEqual(names(made), [])
      made.store.apply(list(named('b.example')))
      assert.deepEqual(names(made), ['a.example', 'b.example'])
      made.store.apply({ ...begin(), ...{ federatedBundles: page(named('c.example')).federatedBundles } })
      made.store.apply(list(named('d.example')))
      assert.deepEqual(names(made), ['a.example', 'b.example'])
      made.store.apply(END)
      assert.deepEqual(names(made), ['c.example', 'd.example'])
    })

    it('drops half a list when the stream breaks', () => {
      const made = synced()
      made.store.apply(page(named('a.example')))
      made.store.abandon()
      made.store.apply(list(named('b.example')))
      assert.deepEqual(names(made), ['b.example'])
    })

    it('keeps bundles that did not change as the same objects', () => {
      const made = synced()
      made.store.apply(list(named('a.example')))
      const before = known(made)?.get('a.example')
      made.store.apply(list(named('a.example'), named('b.example')))
      assert.equal(known(made)?.get('a.example'), before)
    })

    it('trusts neither what it cannot read nor what came before, nor another bundle for its own trust domain', () => {
      const made = synced()
      made.store.apply(list(named('a.example'), named('b.example')))
      made.store.apply(list(named('a.example', 'garbage'), named('example.org'), named('b.example')))
      assert.deepEqual(names(made), ['b.example'])
    })

    it('has them after a restart', () => {
      const made = synced()
      made.store.apply(list(named('a.example')))
      const next = create()
      next.store.restore(JSON.parse(JSON.stringify(made.store.snapshot())))
      assert.deepEqual(names(next), ['a.example'])
      assert.deepEqual(known(next)?.get('a.example')?.format(), spiffeBundle)
    })
  })

  it('is the same after a restart', () => {
    const { store } = synced(undefined, identity('a'), identity('b'))
    const later = create()
    later.store.restore(JSON.parse(JSON.stringify(store.snapshot())))
    assert.deepEqual(later.granted(), ['spiffe://example.org/a@1', 'spiffe://example.org/b@1'])
    assert.equal(later.store.syncedMs, store.syncedMs)
  })

  for (const kept of [
    undefined,
    null,
    7,
    {},
    { version: 1, trustDomain: 'example.org' },
    { version: 1, trustDomain: 'other.example' },
  ]) {
    it(`restores nothing from ${JSON.stringify(kept)}`, () => {
      const { store } = create()
      store.restore(kept)
      assert.equal(store.current.value, undefined)
    })
  }

  it('drops everything when it belongs to another trust domain', () => {
    const { store } = synced(undefined, identity('a'))
    store.belongTo('other.example')
    assert.equal(store.current.value, undefined)
    assert.equal(store.snapshot(), undefined)
  })
})
