import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AuditEntry } from '../../../../src/authority/audit/events.ts'
import { RoleBounds } from '../../../../src/policy/role.ts'
import { TooManyBytesError } from '../../../../src/rpc/errors.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { createCaKeys } from '../../../support/ca-keys.ts'
import { NOW } from '../../../support/crypto-fixtures.ts'
import {
  ACTOR,
  anyAnswer,
  CLAIM,
  createIssuer,
  entryOf,
  INSTANCE,
  issued,
  publicKey,
  ROLE,
  refusal,
} from '../../../support/issuer-rig.ts'

const lengthOf = (part: Buffer | string | undefined): number => part?.length ?? Number.NaN

describe('a batch', () => {
  it('of refused claims writes a few rows and one that sums the others, none of them with the claims', async () => {
    const { issuer, x509, audited } = createIssuer()
    const workloadAttributesJson = JSON.stringify({ junk: 'x'.repeat(60_000) })
    const outcomes = await x509(...Array.from({ length: 700 }, () => ({ workloadAttributesJson })))
    assert.ok(outcomes.every((each) => 'error' in each && each.error.code === 'ERR_REFUSED'))
    assert.equal(audited.length, 100)
    await issuer[Symbol.asyncDispose]()
    assert.equal(audited.length, 101)
    assert.equal(audited.at(-1)?.event, 'svid.refused_more')
    assert.partialDeepStrictEqual(audited.at(-1)?.detail, { count: 600 })
    assert.ok(JSON.stringify(audited).length < 101 * 1_000)
  })

  for (const [what, claim] of [
    ['another revision', { revision: '6' }],
    ['a deleted workload identity', { workloadIdentity: 'gone' }],
  ] as const) {
    it(`with ${what} is told to sync and ask again; nothing was decided, so nothing is recorded`, async () => {
      const { x509, audited } = createIssuer()
      const [outcome] = await x509(claim)
      assert.ok(outcome && 'error' in outcome)
      assert.equal(outcome.error.code, 'ERR_ISSUANCE_STALE')
      assert.deepEqual(audited, [])
    })
  }

  it('has an outcome for each request in order, and is recorded in one write', async () => {
    const writes: number[] = []
    const recordAll = async (entries: readonly AuditEntry[]) => void writes.push(entries.length)
    const { x509, metrics } = createIssuer({ audit: { recordAll, newReference: () => 'A' } })
    const claims = Array.from({ length: 130 }, (_, n) =>
      n % 2 === 0 ? {} : n % 4 === 1 ? { revision: '6' } : { spiffeId: 'x' },
    )
    const outcomes = await x509(...claims)
    const found = outcomes.map((each) => ('issued' in each ? 'issued' : each.error.code))
    assert.deepEqual(
      found,
      claims.map((_, n) => (n % 2 === 0 ? 'issued' : n % 4 === 1 ? 'ERR_ISSUANCE_STALE' : 'ERR_REFUSED')),
    )
    assert.deepEqual(writes, [65 + 32])
    const text = metrics.expose()
    assert.match(text, /signet_issue_total\{kind="x509_svid",result="issued"\} 65/)
    assert.match(text, /signet_issue_total\{kind="x509_svid",result="stale"\} 33/)
    assert.match(text, /signet_issue_total\{kind="x509_svid",result="refused"\} 32/)
  })

  describe('while it is being recorded', () => {
    /** The outcome for an SVID when this happens between its signature and its answer. */
    async function after(
      happens: (given: { locked?: boolean; bounds?: RoleBounds; gone?: boolean }) => void,
    ) {
      const now: Parameters<typeof happens>[0] = {}
      const audited: AuditEntry[] = []
      const bounds = new RoleBounds([{ name: 'r', spec: ROLE }])
      const { x509 } = createIssuer({
        lockOn: () => (now.locked ? { name: 'stop' } : undefined),
        bounds: () => now.bounds ?? bounds,
        identity: (name) => (now.gone ? undefined : entryOf(name)),
        audit: {
          recordAll: async (entries) => {
            audited.push(...entries)
            happens(now)
          },
          newReference: () => 'ABCD-EFGH',
        },
      })
      const [outcome] = await x509({})
      return { outcome, audited }
    }

    it('a lock is set: the SVID is not sent, and the audit log says so', async () => {
      const { outcome, audited } = await after((now) => (now.locked = true))
      assert.equal(audited[0]?.event, 'x509_svid.issued')
      assert.equal(refusal(outcome, audited.slice(1)), 'lock stop')
    })
    it('the workload identity is deleted, or the roles of the bot change: the SVID is stale', async () => {
      for (const happens of [
        (now: { gone?: boolean }) => (now.gone = true),
        (now: { bounds?: RoleBounds }) => (now.bounds = new RoleBounds([])),
      ]) {
        const { outcome } = await after(happens)
        assert.ok(outcome && 'error' in outcome)
        assert.equal(outcome.error.code, 'ERR_ISSUANCE_STALE')
      }
    })
    it('nothing happens: the SVID is sent', async () => {
      issued((await after(() => undefined)).outcome)
    })
  })

  it('under an expired key is not signed: the agent is told that it may ask again', async () => {
    const ended = await createCaKeys(NOW)
    const { x509, jwt, audited } = createIssuer({ keys: () => ended })
    for (const [outcome] of [await x509({}), await jwt(['a'])]) {
      assert.ok(outcome && 'error' in outcome)
      assert.equal(outcome.error.kind, 'unavailable')
    }
    assert.deepEqual(audited, [])
  })

  describe('whose answer would be longer than a message', () => {
    const heavy = ['"'.repeat(1_000), '"'.repeat(1_000), '"'.repeat(1_000), '"'.repeat(1_000)]
    const tooLong = { code: 'ERR_ISSUANCE_ANSWER_TOO_LONG', kind: 'resource_exhausted' }

    it('is refused before anything is signed, and writes no row', async () => {
      const { jwts, audited, metrics } = createIssuer()
      await assert.rejects(jwts(...Array.from({ length: 400 }, () => heavy)), tooLong)
      assert.deepEqual(audited, [])
      assert.doesNotMatch(metrics.expose(), /issued/)
      assert.equal((await jwts(...Array.from({ length: 300 }, () => heavy))).length, 300)
    })

    it('keeps the rows of elements that were refused on their own', async () => {
      const { jwts, audited } = createIssuer()
      await assert.rejects(jwts(['signet'], ...Array.from({ length: 400 }, () => heavy)), tooLong)
      assert.deepEqual(
        audited.map(({ event }) => event),
        ['svid.refused'],
      )
    })

    for (const [what, spec] of [
      [
        'many DNS names',
        { x509: { dns_sans: Array.from({ length: 64 }, (_, n) => `${'x'.repeat(60)}.n${n}.internal`) } },
      ],
      ['many claims', { jwt: { extra_claims: { text: '\u0001'.repeat(2_000) } } }],
    ] as const) {
      it(`is never longer than announced: ${what}`, async () => {
        const expected: number[] = []
        const role = {
          allow: [{ kind: 'workload_identity', spiffe_ids: ['/**'], dns_names: ['**.internal'] }],
        }
        const { x509, jwts } = createIssuer({
          spec,
          role,
          expectAnswer: (bytes) => void expected.push(bytes),
        })
        const [certificate] = await x509({})
        assert.ok(lengthOf(issued(certificate).chain[0]) <= (expected[0] ?? 0))
        for (const audience of [['a'], heavy, ['ä'.repeat(512)], ['\u{10ffff}'.repeat(256)]]) {
          const [token] = await jwts(audience)
          assert.ok(lengthOf(issued(token).token) <= (expected.at(-1) ?? 0))
        }
      })
    }

    it('is refused when its caller has not read earlier answers', async () => {
      const expectAnswer = (): never => {
        throw new TooManyBytesError('full')
      }
      const { x509, audited } = createIssuer({ expectAnswer })
      await assert.rejects(x509({}), { code: 'ERR_RPC_TOO_MANY_BYTES' })
      assert.deepEqual(audited, [])
    })
  })

  it('lets another instance have its turn when its elements take long, however few they are', async () => {
    const clock = new FakeClock(NOW * 1000)
    const traits = () => {
      clock.advance(10)
      return {}
    }
    const { issuer } = createIssuer({ clock, traits })
    const ended: string[] = []
    const ask = async (id: string, count: number) => {
      const requests = Array.from({ length: count }, () => ({ claim: CLAIM, publicKey }))
      await issuer.issueX509(ACTOR, { ...INSTANCE, id }, requests, anyAnswer)
      ended.push(id)
    }
    await Promise.all([ask('heavy', 20), ask('heavy', 20), ask('other', 1)])
    assert.equal(ended[0], 'other')
  })

  it('without requests has no outcomes', async () => {
    const { issuer, audited } = createIssuer()
    assert.deepEqual(await issuer.issueX509(ACTOR, INSTANCE, [], anyAnswer), [])
    assert.deepEqual(audited, [])
  })

  it('does not treat a bug as a refusal', async () => {
    const lockOn = (): never => {
      throw new RangeError('bug')
    }
    await assert.rejects(createIssuer({ lockOn }).x509({}), RangeError)
  })
})
