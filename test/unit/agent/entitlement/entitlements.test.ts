import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProcessChangedError } from '../../../../src/agent/attestation/attestor.ts'
import { Entitlements } from '../../../../src/agent/entitlement/entitlements.ts'
import type { IdentitySet } from '../../../../src/agent/entitlement/identity-set.ts'
import { IdentitySets } from '../../../../src/agent/entitlement/identity-sets.ts'
import { LeftOut } from '../../../../src/agent/entitlement/left-out.ts'
import type { Knowledge } from '../../../../src/agent/sync/knowledge.ts'
import { WORKLOAD_API_ENCODERS } from '../../../../src/agent/workload-api/encoders.ts'
import { createLogger } from '../../../../src/foundation/logger.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'
import { Watchable } from '../../../../src/foundation/watchable.ts'
import type { Attributes } from '../../../../src/policy/attributes.ts'
import type { Grant } from '../../../../src/policy/compile.ts'
import type { Policy } from '../../../../src/policy/policy.ts'
import type { RoleVerdict } from '../../../../src/policy/role.ts'
import { NO_BOUNDS } from '../../../fakes/fake-bounds.ts'
import { fakeCaller } from '../../../fakes/fake-caller.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { type Identities, policyOf } from '../../../fakes/fake-knowledge.ts'

const WEB = { spiffe_id: '/web', allow: [{ match: { 'workload.unix.uid': 1000 } }] }
const [UID, FLOODER] = [1000, 4242]
const SHOP = { ...WEB, spiffe_id: '/shop' }

function known(identities: Identities, more: Partial<Knowledge> = {}): Knowledge {
  return {
    policy: policyOf(identities),
    facts: { join: {}, bot: {} },
    ...NO_BOUNDS,
    ...more,
  } as Knowledge
}

function rig(
  first: Knowledge | undefined,
  maxIdentitiesPerCaller = 100,
  allowUnauthenticatedVerifiers = false,
) {
  const clock = new FakeClock()
  const events: string[] = []
  const logger = createLogger({ destination: { write: (line) => void events.push(JSON.parse(line).event) } })
  const knowledge = new Watchable<Knowledge | undefined>(first)
  const leftOut = new LeftOut({ clock, logger, metrics: createMetrics() })
  const sets = new IdentitySets({
    svids: { holdX509: () => undefined, releaseX509: () => undefined } as never,
    clock,
    encode: WORKLOAD_API_ENCODERS,
    leftOut,
    workloadOf: () => ({}),
    livingHolder: () => undefined,
    onReady: () => undefined,
  })
  const attested: { answer: () => Attributes | Promise<Attributes> } = {
    answer: () => ({ workload: { unix: { uid: 1000, pid: 1 } } }),
  }
  const entitlements = new Entitlements({
    knowledge,
    attestation: { attest: () => attested.answer() },
    sets,
    maxIdentitiesPerCaller,
    leftOut,
    allowUnauthenticatedVerifiers,
  })
  const { peer } = fakeCaller()
  const of = () => entitlements.of(peer) as IdentitySet
  return {
    knowledge,
    attested,
    sets,
    entitlements,
    events,
    of,
    toBundles: () => entitlements.toBundles(peer),
  }
}

const names = (set: IdentitySet) => set.grants.map(({ identity }) => identity)

describe('Entitlements', () => {
  it('are unknown before the first sync', () => {
    assert.throws(() => rig(undefined).of(), { code: 'ERR_AGENT_NOT_SYNCED', kind: 'unavailable' })
  })

  it('are what the policy grants, by priority and name', () => {
    assert.deepEqual(names(rig(known({ web: WEB, shop: SHOP })).of()), ['shop', 'web'])
    const first = { ...WEB, priority: 1 }
    assert.deepEqual(names(rig(known({ web: first, shop: SHOP })).of()), ['web', 'shop'])
  })

  it('are refused with one sentence when the policy grants nothing', () => {
    assert.throws(() => rig(known({})).of(), {
      code: 'ERR_NO_IDENTITY_ISSUED',
      publicMessage: 'no identity issued',
      reason: 'no_identity',
    })
  })

  it('are bounded by the roles of the bot', () => {
    const checkRoles = ({ identity }: Grant): RoleVerdict =>
      identity === 'web' ? { refused: 'no role allows it' } : { maxTtlSeconds: undefined }
    assert.deepEqual(names(rig(known({ web: WEB, shop: SHOP }, { checkRoles })).of()), ['shop'])
    assert.throws(() => rig(known({ web: WEB }, { checkRoles })).of(), { reason: 'role_refuses' })
  })

  it('are the same set for callers that the policy cannot tell apart', () => {
    const { of, attested } = rig(known({ web: WEB }))
    const first = of()
    attested.answer = () => ({ workload: { unix: { uid: 1000, pid: 2 } } })
    assert.equal(of(), first)
    attested.answer = () => ({ workload: { unix: { uid: 1001, pid: 2 } } })
    assert.throws(of, { code: 'ERR_NO_IDENTITY_ISSUED' })
  })

  it('are decided once for one state of knowledge', () => {
    let decisions = 0
    const policy = policyOf({ web: WEB })
    const counting = {
      usedAttributes: policy.usedAttributes,
      get: (name: string) => policy.get(name),
      decide: (attributes: Attributes) => {
        decisions += 1
        return policy.decide(attributes)
      },
    }
    const { of } = rig(known({}, { policy: counting as unknown as Policy }))
    for (let calls = 0; calls < 10; calls += 1) of()
    assert.equal(decisions, 1)
  })

  it('follow what the agent learns', () => {
    const { of, knowledge } = rig(known({ web: WEB }))
    of()
    knowledge.set(known({ web: WEB, shop: SHOP }))
    assert.equal(of().grants.length, 2)
    knowledge.set(known({}))
    assert.throws(of, { code: 'ERR_NO_IDENTITY_ISSUED' })
  })

  for (const [what, reason, more] of [
    ['the bot', 'bot_locked', { botLock: 'a lock' }],
    ['every identity', 'locked', { lockOn: () => 'a lock' }],
  ] as const) {
    it(`are refused when ${what} is locked`, () => {
      assert.throws(() => rig(known({ web: WEB }, more)).of(), { code: 'ERR_NO_IDENTITY_ISSUED', reason })
    })
  }

  it('leave out a locked identity', () => {
    const lockOn: Knowledge['lockOn'] = ({ workloadIdentity }) =>
      workloadIdentity === 'web' ? 'a lock' : undefined
    assert.deepEqual(names(rig(known({ web: WEB, shop: SHOP }, { lockOn })).of()), ['shop'])
  })

  it('stop at the limit, and the operator is told once', () => {
    const { of, events, knowledge } = rig(known({ web: WEB, shop: SHOP }), 1)
    assert.deepEqual(names(of()), ['shop'])
    knowledge.set(known({ web: WEB, shop: SHOP }))
    assert.deepEqual(names(of()), ['shop'])
    assert.deepEqual(events, ['identities.too_many'])
  })

  it('are decided with what is known when a slow attestation ends', async () => {
    const { of, attested, knowledge } = rig(known({ web: WEB }))
    const slow = Promise.withResolvers<Attributes>()
    attested.answer = () => slow.promise
    const answer = of()
    knowledge.set(known({}))
    const attributes = { workload: { unix: { uid: 1000 } } }
    attested.answer = () => attributes
    slow.resolve(attributes)
    await assert.rejects(async () => answer, { code: 'ERR_NO_IDENTITY_ISSUED' })
  })

  it('are refused to a process that has changed since', () => {
    const { of, attested } = rig(known({ web: WEB }))
    of()
    attested.answer = () => {
      throw new ProcessChangedError('other executable')
    }
    assert.throws(of, { code: 'ERR_PROCESS_CHANGED' })
  })

  it('are requested again when their set was evicted', () => {
    const { of, sets } = rig(known({ web: WEB }))
    const first = of()
    const [grant] = first.grants
    assert.ok(grant)
    for (let n = 0; n < 1_000; n += 1) sets.of([{ ...grant, key: `other-${n}` }], UID)
    assert.ok(first.isForgotten)
    const second = of()
    assert.notEqual(second, first)
    assert.deepEqual([...sets.with(grant.key)], [second])
  })

  it('keep their set while a stream watches it, however many sets another user adds', () => {
    const { of, sets } = rig(known({ web: WEB }))
    const [first, [grant]] = [of(), of().grants]
    assert.ok(grant)
    const flood = (from: number): IdentitySet[] =>
      Array.from({ length: 1_000 }, (_, n) => sets.of([{ ...grant, key: `flood-${from + n}` }], FLOODER))
    const [oldest, ...others] = flood(0)
    assert.equal(first.isForgotten, false)
    assert.ok(oldest?.isForgotten && others.at(-1)?.isForgotten === false)
    const { peer } = fakeCaller({ uid: FLOODER })
    const watched = others.at(-1)
    watched?.attach(peer)
    flood(1_000)
    assert.equal(watched?.isForgotten, false)
    watched?.detach(peer)
    flood(2_000)
    assert.ok(watched?.isForgotten)
    assert.equal(first.isForgotten, false)
    assert.equal(of(), first)
  })
})

describe('Entitlements to bundles', () => {
  it('follow entitlements to identities, unless callers without one may have bundles', () => {
    const { of, toBundles } = rig(known({ web: WEB }))
    assert.equal(toBundles(), of())
    assert.throws(rig(known({})).toBundles, { code: 'ERR_NO_IDENTITY_ISSUED' })
  })

  it('are then those without an identity, also after a slow attestation', async () => {
    const { toBundles, attested } = rig(known({}), 100, true)
    const nobody = toBundles() as IdentitySet
    assert.deepEqual(nobody.grants, [])
    const { answer } = attested
    attested.answer = () => {
      attested.answer = answer
      return Promise.resolve(answer() as Attributes)
    }
    assert.equal(await toBundles(), nobody)
  })

  it('are refused to everybody when the bot is locked, and before the first sync', () => {
    const locked = rig(known({ web: WEB }, { botLock: 'a lock' }), 100, true)
    assert.throws(locked.toBundles, { reason: 'bot_locked' })
    assert.throws(rig(undefined, 100, true).toBundles, { code: 'ERR_AGENT_NOT_SYNCED' })
  })

  it('are refused to a process that has changed since', () => {
    const { toBundles, attested } = rig(known({ web: WEB }), 100, true)
    attested.answer = () => {
      throw new ProcessChangedError('other executable')
    }
    assert.throws(toBundles, { code: 'ERR_PROCESS_CHANGED' })
  })
})
