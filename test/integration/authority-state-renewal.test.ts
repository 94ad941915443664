import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { BotCertificateOutput } from '../../src/authority/bots/issue-bot-certificate.ts'
import { parseCertificate } from '../../src/crypto/x509.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import {
  type AuthorityState,
  createToken,
  DAY_MS,
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

/** A state with one bot instance that has used its first certificate. */
async function fixture() {
  const place = await temporaryDirectory()
  const clock = new FakeClock()
  const state = await openState({ dataDir: place.path, clock })
  const first = await join(state, await newKey(), await createToken(state))
  state.bots.use(shown(first))
  const dispose = async () => {
    await state[Symbol.asyncDispose]()
    await place[Symbol.asyncDispose]()
  }
  return { clock, state, first, place, [Symbol.asyncDispose]: dispose }
}

const use = (state: AuthorityState, certificate: BotCertificateOutput) => state.bots.use(shown(certificate))

/** Waits until background writes are durable. */
const settled = (state: AuthorityState) => state.datastore.transaction(async () => undefined)

const isLocked = (state: AuthorityState, certificate: BotCertificateOutput) =>
  state.locks.check({ botInstance: certificate.botInstanceId }) !== undefined

describe('Renewer.renew', () => {
  it('issues the next generation for a new key, which takes effect at its first use', async () => {
    await using fixed = await fixture()
    const { state, first } = fixed
    const second = await renew(state, first, await newKey())
    assert.deepEqual([second.generation, second.botInstanceId], [2, first.botInstanceId])
    assert.equal(parseCertificate(second.chain[0] as Buffer).subject.serialNumber, '2')
    assert.equal(use(state, first).generation, 1)
    assert.equal(use(state, second).generation, 2)
    assert.equal((await lastEvent(state, 'renewal.accepted'))?.detail['generation'], 2)
  })

  it('issues the same generation again if the response was lost', async () => {
    await using fixed = await fixture()
    const { state, first } = fixed
    const key = await newKey()
    const lost = await renew(state, first, key)
    const again = await renew(state, first, key)
    assert.equal(again.generation, 2)
    assert.equal((await lastEvent(state, 'renewal.accepted'))?.detail['repeated'], true)
    assert.equal(use(state, lost).generation, 2, 'whichever answer arrived will do')
    assert.equal(isLocked(state, first), false)
  })

  it('refuses the key that is in use', async () => {
    await using fixed = await fixture()
    const { state } = fixed
    const secret = await createToken(state, { name: 'second', bot: 'other' })
    const key = await newKey()
    const certificate = await join(state, key, secret, { joinToken: 'second' })
    await assert.rejects(renew(state, certificate, key), { code: 'ERR_REFUSED' })
    await settled(state)
    assert.equal((await lastEvent(state, 'renewal.refused'))?.detail['reason'], 'same_key')
  })

  it('refuses a proof that does not match', async () => {
    await using fixed = await fixture()
    const { state, first } = fixed
    const { publicKeyDer } = await newKey()
    const input = { publicKeyDer, proof: Buffer.alloc(70), agentVersion: '' }
    await assert.rejects(state.renewer.renew(shown(first), input), { code: 'ERR_REFUSED' })
    await settled(state)
    assert.equal((await lastEvent(state, 'renewal.refused'))?.detail['reason'], 'bad_proof')
  })

  it('lets the newest requested key win, and locks the instance if the other is used', async () => {
    await using fixed = await fixture()
    const { state, first } = fixed
    const superseded = await renew(state, first, await newKey())
    const winner = await renew(state, first, await newKey())
    assert.equal(use(state, winner).generation, 2)
    assert.throws(() => use(state, superseded), { code: 'ERR_REFUSED' })
    await settled(state)
    assert.equal(isLocked(state, first), true)
    assert.throws(
      () => use(state, winner),
      { code: 'ERR_REFUSED' },
      'nobody knows which of the two is the thief',
    )
    assert.match(String((await lastEvent(state, 'lock.created'))?.detail['reason']), /superseded/)
  })

  it('remembers unused renewals, so that the use of an earlier key always locks the instance', async () => {
    for (const isUsed of [false, true]) {
      await using fixed = await fixture()
      const { state, first, clock } = fixed
      const stolen = await renew(state, first, await newKey())
      for (let n = 0; n < 40; n++) {
        clock.advance(1_000)
        await renew(state, first, await newKey())
      }
      const newest = await renew(state, first, await newKey())
      const rows = await state.datastore.rows('bot_generations', { instance_id: first.botInstanceId })
      assert.ok(rows.length <= 2 + 32)
      if (isUsed) use(state, newest)
      assert.throws(() => use(state, stolen), { code: 'ERR_REFUSED' })
      await settled(state)
      assert.equal(isLocked(state, first), true)
    }
  })

  it('locks the instance when an older generation is used or renewed on a new connection', async () => {
    for (const attack of [use, renew] as const) {
      await using fixed = await fixture()
      const { state, first } = fixed
      use(state, await renew(state, first, await newKey()))
      await assert.rejects(async () => attack(state, first, await newKey()), { code: 'ERR_REFUSED' })
      await settled(state)
      assert.equal(isLocked(state, first), true)
    }
  })

  it('does not lock because of a connection older than the certificate’s successor', async () => {
    await using fixed = await fixture()
    const { state, first } = fixed
    const connection = shown(first)
    state.bots.use(connection)
    const second = await renew(state, first, await newKey())
    use(state, second)
    assert.throws(() => state.bots.use(connection), { code: 'ERR_REFUSED' })
    await settled(state)
    assert.equal(isLocked(state, first), false)
    assert.equal(use(state, second).generation, 2)
  })

  it('refuses a renewal that the use of the next generation overtook, and locks nothing', async () => {
    await using fixed = await fixture()
    const { state, first } = fixed
    const second = await renew(state, first, await newKey())
    const connection = shown(first)
    state.bots.use(connection)
    const late = renew(state, connection, await newKey())
    use(state, second)
    await assert.rejects(late, { code: 'ERR_REFUSED' })
    assert.equal(use(state, second).generation, 2)
    assert.equal(isLocked(state, first), false)
  })

  it('locks again when the lock is deleted and the copy is used again', async () => {
    await using fixed = await fixture()
    const { state, first } = fixed
    use(state, await renew(state, first, await newKey()))
    for (let round = 0; round < 2; round++) {
      assert.throws(() => use(state, first), { code: 'ERR_REFUSED' })
      await settled(state)
      const [lock] = state.locks.watch.value
      assert.ok(lock)
      await removeResource(state, 'lock', lock.name)
    }
  })

  it('locks again without an expiry after an administrator’s expiry has passed', async () => {
    await using fixed = await fixture()
    const { clock, state, first } = fixed
    const newest = await renew(state, first, await newKey())
    use(state, newest)
    assert.throws(() => use(state, first), { code: 'ERR_REFUSED' })
    await settled(state)
    const [lock] = state.locks.watch.value
    assert.ok(lock)
    const spec = { target: { bot_instance: first.botInstanceId }, reason: 'looked at' }
    const metadata = { labels: {}, expiresMs: clock.now().getTime() + 1_000 }
    await state.datastore.transaction(async (tx) =>
      state.resources.put(tx, { kind: 'lock', name: lock.name, metadata, spec }),
    )
    clock.advance(2_000)
    assert.equal(isLocked(state, first), false)
    assert.throws(() => use(state, first), { code: 'ERR_REFUSED' })
    await settled(state)
    assert.equal(isLocked(state, first), true)
    assert.equal(state.locks.check({ botInstance: first.botInstanceId })?.expiresMs, undefined)
  })

  it('records one refusal once, however often a connection asks', async () => {
    await using fixed = await fixture()
    const { state, first } = fixed
    await putLock(state, { bot: 'builder' })
    const connection = shown(first)
    for (let call = 0; call < 5; call++)
      assert.throws(() => state.bots.use(connection), { code: 'ERR_REFUSED' })
    await settled(state)
    assert.equal((await state.audit.list({ events: ['bot.refused'] })).length, 1)
  })

  for (const target of ['bot', 'bot_instance', 'join_token'] as const) {
    it(`refuses calls and renewals under a lock on ${target}, and permits both without it`, async () => {
      await using fixed = await fixture()
      const { state, first } = fixed
      const value = { bot: 'builder', bot_instance: first.botInstanceId, join_token: 'first' }[target]
      await putLock(state, { [target]: value })
      assert.throws(() => use(state, first), { code: 'ERR_REFUSED' })
      assert.equal(state.bots.mayStay(shown(first)), false)
      await assert.rejects(renew(state, first, await newKey()), { code: 'ERR_REFUSED' })
      await removeResource(state, 'lock', 'by-hand')
      assert.equal((await renew(state, first, await newKey())).generation, 2)
    })
  }

  it('does not count a sync of a locked instance as the first use of a generation', async () => {
    await using fixed = await fixture()
    const { state, first } = fixed
    const stolen = await renew(state, first, await newKey())
    await putLock(state, { bot: 'builder' })
    const connection = shown(stolen)
    assert.equal(state.bots.use(connection, 'sync').generation, 1)
    assert.equal(state.bots.get(first.botInstanceId)?.generation, 1)
    await removeResource(state, 'lock', 'by-hand')
    assert.equal(use(state, first).generation, 1, 'the generation in use stays in use')
    assert.equal(state.bots.mayStay(connection), true)
    assert.equal(state.bots.use(connection, 'sync').generation, 2)
  })
})

describe('an expired bot certificate', () => {
  it('cannot be used for calls, but can be renewed within the grace time', async () => {
    await using fixed = await fixture()
    const { state, first, clock } = fixed
    clock.advance(HOUR_MS + 6 * DAY_MS)
    assert.throws(() => use(state, first), { code: 'ERR_BOT_CERTIFICATE_EXPIRED' })
    const second = await renew(state, first, await newKey())
    assert.equal(use(state, second).generation, 2)
    assert.equal((await lastEvent(state, 'renewal.accepted'))?.detail['afterExpiry'], true)
  })

  it('cannot be renewed after the grace time', async () => {
    await using fixed = await fixture()
    const { state, first, clock } = fixed
    clock.advance(HOUR_MS + 7 * DAY_MS + 1000)
    await assert.rejects(renew(state, first, await newKey()), { code: 'ERR_REFUSED' })
    await settled(state)
    assert.equal((await lastEvent(state, 'renewal.refused'))?.detail['reason'], 'grace_over')
  })

  it('is deleted with its instance a day after the grace time, whatever the clock says', async () => {
    await using fixed = await fixture()
    const { state, first, clock } = fixed
    clock.jump(HOUR_MS + 7 * DAY_MS + 1000)
    await state.bots.forgetExpired()
    clock.advance(HOUR_MS) // by then the clock is trusted again
    await state.bots.forgetExpired()
    clock.advance(DAY_MS - 1)
    await state.bots.forgetExpired()
    assert.equal(state.bots.list().length, 1)
    clock.advance(1)
    await state.bots.forgetExpired()
    assert.deepEqual(state.bots.list(), [])
    assert.equal(
      (await lastEvent(state, 'bot_instance.forgotten'))?.detail['botInstance'],
      first.botInstanceId,
    )
    assert.throws(() => use(state, first), { code: 'ERR_REFUSED' })
  })
})

describe('a restart of the authority', () => {
  it('changes nothing for agents', async () => {
    await using fixed = await fixture()
    const { first, place, clock, state } = fixed
    const pending = await renew(state, first, await newKey())
    await state[Symbol.asyncDispose]()
    await using again = await openState({ dataDir: place.path, clock })
    assert.equal(again.bots.use(shown(first)).generation, 1)
    assert.equal(again.bots.use(shown(pending)).generation, 2)
    await settled(again)
    assert.throws(() => use(again, first), { code: 'ERR_REFUSED' })
    await settled(again)
    assert.equal(isLocked(again, first), true)
  })
})

describe('an authority restored from an older database', () => {
  it('refuses newer certificates as too new, locks nothing, and its audit log shows the gap', async () => {
    await using fixed = await fixture()
    const { first, place, clock, state } = fixed
    await using copy = await temporaryDirectory()
    await settled(state)
    const backup = `${copy.path}/authority.db`
    await cp(`${place.path}/authority.db`, backup)
    await cp(`${place.path}/authority.db-wal`, `${backup}-wal`)
    const second = await renew(state, first, await newKey())
    use(state, second)
    const third = await renew(state, second, await newKey())
    use(state, third)
    await state[Symbol.asyncDispose]()
    await cp(backup, `${place.path}/authority.db`)
    await cp(`${backup}-wal`, `${place.path}/authority.db-wal`)

    await assert.rejects(openState({ dataDir: place.path, clock }), {
      code: 'ERR_DATASTORE_ALTERED',
      message: /the database is older than the last signed head/,
    })
    await using restored = await openState({ dataDir: place.path, clock, acceptAltered: true })
    for (const certificate of [second, third]) {
      assert.throws(() => use(restored, certificate), { code: 'ERR_BOT_GENERATION_AHEAD' })
      await assert.rejects(renew(restored, certificate, await newKey()), { code: 'ERR_BOT_GENERATION_AHEAD' })
    }
    await settled(restored)
    assert.equal(isLocked(restored, first), false)
    assert.ok(await lastEvent(restored, 'audit.gap_found'))
    const { intact, problems } = await restored.audit.verify()
    assert.equal(intact, false)
    assert.match(problems.join('\n'), /an older database was restored|rewritten/)
    const fresh = await createToken(restored, { name: 'again' })
    assert.equal((await join(restored, await newKey(), fresh, { joinToken: 'again' })).generation, 1)
  })
})

describe('two-phase renewal, whatever gets lost', () => {
  it('never locks an agent that follows the protocol, and never accepts two generations at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('renew', 'lose', 'crash', 'use', 'restart'), {
          minLength: 1,
          maxLength: 20,
        }),
        async (steps) => {
          await using place = await temporaryDirectory()
          const clock = new FakeClock()
          let state = await openState({ dataDir: place.path, clock })
          let held = await join(state, await newKey(), await createToken(state))
          let next = await newKey()
          use(state, held)
          for (const step of steps) {
            clock.advance(60_000)
            if (step === 'lose') await renew(state, held, next) // the response is lost, the key is kept
            if (step === 'crash') {
              await renew(state, held, next) // response and key are lost
              next = await newKey()
            }
            if (step === 'renew') {
              held = await renew(state, held, next)
              next = await newKey()
            }
            if (step === 'restart') {
              await state[Symbol.asyncDispose]()
              state = await openState({ dataDir: place.path, clock })
            }
            if (step === 'use' || step === 'renew') {
              assert.equal(use(state, held).generation, held.generation)
              await settled(state)
            }
          }
          assert.equal(isLocked(state, held), false)
          const rows = await state.datastore.db.selectFrom('bot_generations').selectAll().execute()
          assert.ok(rows.filter((row) => row.state === 'used').length <= 1)
          assert.ok(rows.filter((row) => row.state === 'pending').length <= 1)
          await state[Symbol.asyncDispose]()
        },
      ),
      { numRuns: 25 },
    )
  })
})
