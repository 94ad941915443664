import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { RefusedError } from '../../src/authority/audit/errors.ts'
import { parseCertificate, verifyChain } from '../../src/crypto/x509.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import {
  createToken,
  HOUR_MS,
  join,
  lastEvent,
  newKey,
  openState,
  putLock,
  removeResource,
  renew,
  shown,
  temporaryDirectory,
} from '../support/authority-state.ts'

async function fixture() {
  const place = await temporaryDirectory()
  const clock = new FakeClock()
  const state = await openState({ dataDir: place.path, clock })
  const dispose = async () => {
    await state[Symbol.asyncDispose]()
    await place[Symbol.asyncDispose]()
  }
  return { clock, state, [Symbol.asyncDispose]: dispose }
}

const REFUSED = /^refused, reference [0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/

/** Every refusal reads the same; the audit log has the reason under the reference. */
async function assertRefused(
  state: Awaited<ReturnType<typeof openState>>,
  joining: Promise<unknown>,
  reason: string,
) {
  const error = await joining.then(
    () => assert.fail('accepted'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof RefusedError)
  assert.equal(error.code, 'ERR_REFUSED')
  assert.match(error.publicMessage, REFUSED)
  const [row] = await state.audit.list({ ref: error.reference })
  assert.equal(row?.event, 'join.refused')
  assert.equal(JSON.parse(row?.detailJson ?? '{}').reason, reason)
}

describe('Joiner.join', () => {
  it('issues a bot certificate of the specified profile, and records it', async () => {
    await using fixed = await fixture()
    const { state, clock } = fixed
    const secret = await createToken(state)
    const key = await newKey()
    const certificate = await join(state, key, secret)
    const leaf = parseCertificate(certificate.chain[0] as Buffer)
    const now = clock.now().getTime() / 1000
    assert.deepEqual(leaf.subject, {
      commonName: certificate.botInstanceId,
      organization: 'builder',
      serialNumber: '1',
    })
    assert.match(certificate.botInstanceId, /^[0-9A-HJKMNP-TV-Z]{26}$/)
    assert.deepEqual(leaf.extKeyUsages, ['clientAuth'])
    assert.deepEqual([leaf.dnsSans, leaf.uriSans, leaf.isCa], [[], [], false])
    assert.deepEqual([leaf.notBefore, leaf.notAfter], [now - 60, now + 3600])
    assert.deepEqual(leaf.publicKeyDer, key.publicKeyDer)
    verifyChain(certificate.chain.map(parseCertificate), certificate.roots.map(parseCertificate), now)
    const issuing = new X509Certificate(certificate.chain[1] as Buffer)
    assert.ok(new X509Certificate(certificate.chain[0] as Buffer).verify(issuing.publicKey))
    const event = await lastEvent(state, 'join.accepted')
    assert.equal(event?.detail['serial'], certificate.serial)
    assert.equal(event?.actor, `bot:builder/${certificate.botInstanceId}`)
  })

  it('stores only the hash of the secret', async () => {
    await using fixed = await fixture()
    const secret = await createToken(fixed.state)
    assert.equal(Buffer.from(secret, 'base64url').length, 32)
    const row = await fixed.state.datastore.db.selectFrom('join_tokens').selectAll().executeTakeFirstOrThrow()
    assert.ok(!JSON.stringify(row).includes(secret))
    assert.match(row.method_state, /^[0-9a-f]{64}$/)
  })

  it('grants one use to only one of two racing keys', async () => {
    await using fixed = await fixture()
    const { state } = fixed
    const secret = await createToken(state)
    const keys = await Promise.all([newKey(), newKey()])
    const outcomes = await Promise.allSettled(keys.map((key) => join(state, key, secret)))
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    assert.equal((await lastEvent(state, 'join.refused'))?.detail['reason'], 'used_up')
  })

  it('grants exactly max_uses uses to many racing keys', async () => {
    await using fixed = await fixture()
    const { state } = fixed
    const secret = await createToken(state, { maxUses: 3 })
    const keys = await Promise.all(Array.from({ length: 10 }, newKey))
    const outcomes = await Promise.allSettled(keys.map((key) => join(state, key, secret)))
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 3)
    assert.equal(state.bots.list('builder').length, 3)
  })

  it('grants the same use to a key that asks twice concurrently', async () => {
    await using fixed = await fixture()
    const { state } = fixed
    const secret = await createToken(state)
    const key = await newKey()
    const [one, two] = await Promise.all([join(state, key, secret), join(state, key, secret)])
    assert.equal(one.botInstanceId, two.botInstanceId)
    assert.equal(state.bots.list().length, 1)
  })

  it('repeats a lost response for the same key, even after the token has expired, until the certificate is used', async () => {
    await using fixed = await fixture()
    const { state, clock } = fixed
    const secret = await createToken(state, { expiresMs: clock.now().getTime() + HOUR_MS })
    const key = await newKey()
    const lost = await join(state, key, secret)
    clock.advance(2 * HOUR_MS)
    const again = await join(state, key, secret)
    assert.equal(again.botInstanceId, lost.botInstanceId)
    assert.equal((await lastEvent(state, 'join.accepted'))?.detail['repeated'], true)
    state.bots.use(shown(again))
    await assertRefused(state, join(state, key, secret), 'already_redeemed')
  })

  it('accepts either of two certificates for one key', async () => {
    await using fixed = await fixture()
    const { state } = fixed
    const secret = await createToken(state)
    const key = await newKey()
    const first = await join(state, key, secret)
    await join(state, key, secret)
    assert.equal(state.bots.use(shown(first)).generation, 1)
  })

  it('refuses an unknown token, a wrong secret, an expired token and a used one with the same message', async () => {
    await using fixed = await fixture()
    const { state, clock } = fixed
    const secret = await createToken(state, { expiresMs: clock.now().getTime() + HOUR_MS })
    const key = await newKey()
    await assertRefused(state, join(state, key, secret, { joinToken: 'other' }), 'unknown_token')
    await assertRefused(state, join(state, key, `${secret}x`), 'wrong_secret')
    await assertRefused(state, join(state, key, ''), 'wrong_secret')
    clock.advance(HOUR_MS)
    await assertRefused(state, join(state, key, secret), 'expired')
    const used = await createToken(state, { name: 'second' })
    state.bots.use(shown(await join(state, await newKey(), used, { joinToken: 'second' })))
    await assertRefused(state, join(state, key, used, { joinToken: 'second' }), 'used_up')
  })

  it('refuses a key whose proof is for another token', async () => {
    await using fixed = await fixture()
    const { state } = fixed
    const secret = await createToken(state)
    const key = await newKey()
    await assertRefused(state, join(state, key, secret, { proofOfPossession: Buffer.alloc(64) }), 'bad_proof')
    assert.equal((await join(state, key, secret)).generation, 1, 'the use is still there')
  })

  it('refuses bytes that are not a key', async () => {
    await using fixed = await fixture()
    const { state } = fixed
    const garbage = join(state, await newKey(), 'b', { publicKeyDer: Buffer.from('garbage') })
    await assert.rejects(garbage, { kind: 'invalid_argument' })
  })

  for (const target of [{ join_token: 'first' }, { bot: 'builder' }]) {
    it(`refuses under a lock on ${Object.keys(target)[0]}`, async () => {
      await using fixed = await fixture()
      const { state } = fixed
      const secret = await createToken(state)
      await putLock(state, target)
      await assertRefused(state, join(state, await newKey(), secret), 'locked')
    })
  }

  it('reports clock skew only above 30 seconds', async () => {
    await using fixed = await fixture()
    const { state, clock } = fixed
    const nowMs = clock.now().getTime()
    const secret = await createToken(state, { maxUses: 3 })
    await join(state, await newKey(), secret, { agentTimeMs: nowMs + 29_000 })
    assert.equal((await lastEvent(state, 'join.accepted'))?.detail['clockSkewSeconds'], undefined)
    await join(state, await newKey(), secret, { agentTimeMs: nowMs - 45_000 })
    assert.equal((await lastEvent(state, 'join.accepted'))?.detail['clockSkewSeconds'], -45)
    await join(state, await newKey(), secret, { agentTimeMs: 2 ** 63 })
    assert.equal((await lastEvent(state, 'join.accepted'))?.detail['clockSkewSeconds'], 3_155_760_000)
  })

  it('names both clocks to an agent that it refuses while they differ by more than a minute', async () => {
    await using fixed = await fixture()
    const { state, clock } = fixed
    const nowMs = clock.now().getTime()
    const refused = async (agentTimeMs: number) => join(state, await newKey(), 'wrong', { agentTimeMs })
    await assert.rejects(refused(nowMs + 60_000), { code: 'ERR_REFUSED' })
    await assert.rejects(refused(nowMs - 60_001), {
      code: 'ERR_JOIN_CLOCKS_DIFFER',
      message: new RegExp(
        `the clock of the agent says ${new Date(nowMs - 60_001).toISOString().slice(0, 19)}Z, `,
      ),
    })
    await assert.rejects(refused(2 ** 63), { message: /the clock of the agent says something impossible, / })
  })

  it('counts what it accepted and refused', async () => {
    await using fixed = await fixture()
    const { state } = fixed
    const secret = await createToken(state)
    await join(state, await newKey(), secret)
    await assert.rejects(join(state, await newKey(), secret), { code: 'ERR_REFUSED' })
    const text = state.metrics.expose()
    assert.match(text, /signet_join_total\{method="secret",result="accepted"\} 1/)
    assert.match(text, /signet_join_total\{method="secret",result="refused"\} 1/)
  })
})

describe('a flood of refused joins', () => {
  it('leaves some rows in the audit log, and one that counts the others under the reference that they got', async () => {
    await using fixed = await fixture()
    const { state, clock } = fixed
    const key = await newKey()
    const asked = Array.from({ length: 620 }, () =>
      join(state, key, 'wrong').catch((error: RefusedError) => error),
    )
    const last = (await Promise.all(asked)).at(-1)
    assert.ok(last instanceof RefusedError)
    clock.advance(60_000)
    while (!(await lastEvent(state, 'join.refused_more'))) await new Promise(setImmediate)
    assert.equal((await state.audit.list({ events: ['join.refused'] })).length, 20)
    const [row, ...rest] = await state.audit.list({
      ref: ` ${last.reference.toLowerCase().replace('-', '')}`,
    })
    assert.deepEqual(rest, [])
    assert.equal(JSON.parse(row?.detailJson ?? '{}').count, 600)
    const error = await join(state, key, 'wrong').catch((thrown: RefusedError) => thrown)
    assert.ok(error instanceof RefusedError)
    assert.equal((await state.audit.list({ ref: error.reference }))[0]?.event, 'join.refused')
  })

  it('from one address does not reveal which tokens exist', async () => {
    await using fixed = await fixture()
    const { state, clock } = fixed
    await createToken(state)
    const key = await newKey()
    const hear = async (joinToken: string): Promise<string> => {
      const error = await join(state, key, 'wrong', { joinToken }).catch((thrown: RefusedError) => thrown)
      assert.ok(error instanceof RefusedError)
      return error.reference
    }
    const heard = new Set<string>()
    for (let n = 0; n < 20; n++) heard.add(await hear('unknown'))
    assert.equal(heard.size, 20)
    const reference = await hear('unknown')
    assert.equal(await hear('first'), reference)
    assert.equal(await hear('another'), reference)
    clock.advance(60_000)
    while (!(await lastEvent(state, 'join.refused_more'))) await new Promise(setImmediate)
    const sums = await state.audit.list({ ref: reference })
    assert.deepEqual(
      sums.map(({ detailJson }) => JSON.parse(detailJson)).map(({ count, joinToken }) => [count, joinToken]),
      [
        [2, undefined],
        [1, 'first'],
      ],
    )
  })

  it('from many addresses hides neither a bot with the secret nor one with a wrong secret', async () => {
    await using fixed = await fixture()
    const { state, clock } = fixed
    const secret = await createToken(state)
    await createToken(state, { name: 'second', bot: 'other' })
    const key = await newKey()
    await join(state, key, secret)
    const guess = (joinToken: string, n: number) =>
      join(state, key, 'wrong', { joinToken, address: `2001:db8:0:${n.toString(16)}::1` })
    const guesses = Array.from({ length: 600 }, (_, n) => [guess('unknown', n), guess('first', n)]).flat()
    await Promise.allSettled(guesses)
    const address = '192.0.2.7'
    await assertRefused(state, join(state, await newKey(), secret, { address }), 'used_up')
    await assertRefused(state, join(state, key, 'wrong', { joinToken: 'second', address }), 'wrong_secret')
    clock.advance(60_000)
    while (!(await lastEvent(state, 'join.refused_more'))) await new Promise(setImmediate)
    const sums = await state.audit.list({ events: ['join.refused_more'] })
    assert.deepEqual(
      sums.map(({ detailJson }) => JSON.parse(detailJson)).map(({ count, joinToken }) => [count, joinToken]),
      [
        [100, undefined],
        [100, 'first'],
      ],
    )
  })
})

describe('a deletion', () => {
  it('of a token removes its secret: a new token of the same name has another', async () => {
    await using fixed = await fixture()
    const { state } = fixed
    const old = await createToken(state)
    await removeResource(state, 'join_token', 'first')
    await assertRefused(state, join(state, await newKey(), old), 'unknown_token')
    const fresh = await createToken(state)
    assert.notEqual(fresh, old)
    await assertRefused(state, join(state, await newKey(), old), 'wrong_secret')
  })

  it('of a bot removes its instances: a new bot of the same name does not revive them', async () => {
    await using fixed = await fixture()
    const { state } = fixed
    const secret = await createToken(state, { maxUses: 2 })
    const certificate = await join(state, await newKey(), secret)
    state.bots.use(shown(certificate))
    await removeResource(state, 'bot', 'builder')
    assert.throws(() => state.bots.use(shown(certificate)), { code: 'ERR_REFUSED' })
    await assertRefused(state, join(state, await newKey(), secret), 'bot_missing')
    await createToken(state, { maxUses: 2 })
    assert.throws(() => state.bots.use(shown(certificate)), { code: 'ERR_REFUSED' })
    await assert.rejects(renew(state, certificate, await newKey()), { code: 'ERR_REFUSED' })
  })

  it('of a join token leaves its instances alone', async () => {
    await using fixed = await fixture()
    const { state } = fixed
    const secret = await createToken(state)
    const certificate = await join(state, await newKey(), secret)
    await removeResource(state, 'join_token', 'first')
    assert.equal(state.bots.use(shown(certificate)).generation, 1)
  })
})
