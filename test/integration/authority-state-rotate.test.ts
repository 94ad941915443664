import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KeysInUse } from '../../src/authority/keys/signing-keys.ts'
import { lastEvent, pass } from '../support/authority-state.ts'
import { fixture, states } from '../support/key-fixture.ts'

describe('SigningKeys.rotate', () => {
  it('prepares a key first, and lets it sign once it was published long enough', async () => {
    await using fixed = await fixture({ spiffe_ca: 3600 })
    await using state = await fixed.reopen()
    const before = state.keys.current()
    await state.keys.rotate('spiffe_x509', false, 'uid:0')
    assert.deepEqual(states(state, 'spiffe_x509'), ['active', 'prepared'])
    assert.equal(state.keys.current().activeX509KeyId, before.activeX509KeyId)
    assert.equal(state.keys.current().bundle.x509Authorities.length, 2)
    assert.equal((await lastEvent(state, 'ca.prepared'))?.actor, 'uid:0')
    await pass(state, fixed.clock, 660_000, 30_000)
    assert.ok(state.keys.current().activeX509KeyId !== before.activeX509KeyId)
    assert.deepEqual(states(state, 'spiffe_x509'), ['retired', 'active'])
  })

  it('lets it sign immediately if asked to, and notifies watchers', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    const before = state.keys.current()
    const seen: KeysInUse[] = []
    using _subscription = state.keys.watch.subscribe((now) => seen.push(now))
    await state.keys.rotate('jwt', true, 'uid:0')
    const after = state.keys.current()
    assert.notEqual(after.activeJwtKeyId, before.activeJwtKeyId)
    assert.ok((after.bundle.sequence ?? 0n) > (before.bundle.sequence ?? 0n))
    assert.deepEqual(
      new Set(after.bundle.jwtAuthorities.keys()),
      new Set([before.activeJwtKeyId, after.activeJwtKeyId]),
    )
    assert.deepEqual(seen, [after])
  })

  it('deletes the private key of a retired key', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    await state.keys.rotate('spiffe_x509', true, 'uid:0')
    const query = state.datastore.db
      .selectFrom('signing_keys')
      .select('sealed_private_key')
      .where('state', '=', 'retired')
    assert.equal((await query.executeTakeFirstOrThrow()).sealed_private_key.length, 0)
    await state[Symbol.asyncDispose]()
    await using again = await fixed.reopen()
    assert.deepEqual(states(again, 'spiffe_x509').sort(), ['active', 'retired'])
  })

  it('brings a scheduled rotation forward, and the audit log says who did it', async () => {
    const DAY_MS = 86_400_000
    await using fixed = await fixture({ spiffe_ca: 30 * 86_400 })
    await using state = await fixed.reopen()
    await pass(state, fixed.clock, 15 * DAY_MS + 60_000, DAY_MS)
    assert.deepEqual(states(state, 'spiffe_x509'), ['active', 'prepared'])
    await state.keys.rotate('spiffe_x509', false, 'uid:7')
    assert.equal((await lastEvent(state, 'ca.rescheduled'))?.actor, 'uid:7')
    await pass(state, fixed.clock, 2 * DAY_MS, DAY_MS)
    assert.deepEqual(states(state, 'spiffe_x509'), ['retired', 'active'])
  })

  it('combines two rotations that are requested together', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    await Promise.all([state.keys.rotate('jwt', false, 'uid:0'), state.keys.rotate('jwt', false, 'uid:0')])
    assert.deepEqual(states(state, 'jwt'), ['active', 'prepared'])
  })

  for (const purpose of ['control_root', 'ssh', '']) {
    it(`refuses ${JSON.stringify(purpose)}`, async () => {
      await using fixed = await fixture()
      await using state = await fixed.reopen()
      await assert.rejects(state.keys.rotate(purpose, true, 'uid:0'), { code: 'ERR_CA_UNKNOWN' })
    })
  }

  it('shows the remaining life in ca_expiry_seconds', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    assert.match(
      state.metrics.expose(),
      /signet_ca_expiry_seconds\{algorithm="ES256",purpose="jwt"\} 2592000\n/,
    )
  })
})
