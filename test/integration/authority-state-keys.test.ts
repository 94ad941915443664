import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import type { KeysInUse } from '../../src/authority/keys/signing-keys.ts'
import { parseCertificate, verifyChain } from '../../src/crypto/x509.ts'
import { createLogger } from '../../src/foundation/logger.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import {
  type AuthorityState,
  DAY_MS,
  lastEvent,
  openState,
  pass,
  temporaryDirectory,
} from '../support/authority-state.ts'
import { execute } from '../support/datastore-deps.ts'
import { fixture, seconds, states } from '../support/key-fixture.ts'

describe('SigningKeys on the first start', () => {
  it('makes a SPIFFE CA as the standard requires', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    const { signer, bundle } = state.keys.current()
    const x509 = signer('spiffe_x509')
    const certificate = parseCertificate(x509.certificateDer)
    assert.deepEqual(certificate.uriSans, ['spiffe://example.org'])
    assert.equal(certificate.isCa, true)
    assert.equal(certificate.pathLength, 0)
    assert.deepEqual(certificate.subjectDer, certificate.issuerDer)
    assert.equal(
      new X509Certificate(x509.certificateDer).publicKey.asymmetricKeyDetails?.namedCurve,
      'prime256v1',
    )
    assert.deepEqual(bundle.x509Authorities, [x509.certificateDer])
    assert.deepEqual([...bundle.jwtAuthorities.keys()], [state.keys.current().activeJwtKeyId])
    assert.equal(certificate.notAfter, seconds(fixed.clock) + 30 * 86_400)
    assert.equal(certificate.notBefore, seconds(fixed.clock) - 60)
  })

  it('makes a control root and an issuing CA under it, and the authority’s own certificate', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    const { controlRoots, controlChain, signer, serverTls, pin } = state.keys.current()
    const chain = serverTls.chain.map(parseCertificate)
    assert.equal(chain.length, 3)
    const [leaf, issuing, root] = chain
    assert.deepEqual(controlRoots, [serverTls.chain[2]])
    assert.deepEqual(controlChain, serverTls.chain.slice(1))
    assert.deepEqual([root?.pathLength, issuing?.pathLength], [1, 0])
    assert.deepEqual(leaf?.dnsSans, ['authority.example.org'])
    assert.deepEqual(leaf?.extKeyUsages, ['serverAuth'])
    assert.deepEqual(leaf?.uriSans, [])
    verifyChain(chain.slice(0, 2), [root as NonNullable<typeof root>], seconds(fixed.clock))
    assert.equal(signer('control_issuing').keyId, issuing?.subjectKeyId)
    assert.match(pin, /^sha256:[0-9a-f]{64}$/)
    assert.deepEqual(serverTls.key.asymmetricKeyType, 'ec')
  })

  it('records each key', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    const rows = await state.audit.list({ events: ['ca.activated'] })
    assert.deepEqual(
      rows.map(({ detailJson }) => JSON.parse(detailJson).purpose),
      ['control_root', 'control_issuing', 'spiffe_x509', 'jwt'],
    )
  })

  it('stores private keys only sealed', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    const rows = await state.datastore.db.selectFrom('signing_keys').selectAll().execute()
    for (const row of rows) {
      const text = Buffer.from(row.sealed_private_key).toString('latin1')
      assert.ok(
        !text.includes('\x2b\x81\x04') && !text.includes('\x2a\x86\x48\xce\x3d'),
        'no key OIDs in the clear',
      )
    }
  })
})

describe('SigningKeys on a later start', () => {
  it('finds the same keys and the same bundle', async () => {
    await using fixed = await fixture()
    const facts = ({ pin, activeX509KeyId, activeJwtKeyId, bundle }: KeysInUse) => [
      pin,
      activeX509KeyId,
      activeJwtKeyId,
      bundle.format().toString(),
    ]
    const first = await fixed.reopen()
    const before = facts(first.keys.current())
    await first[Symbol.asyncDispose]()
    await using second = await fixed.reopen()
    assert.deepEqual(facts(second.keys.current()), before)
  })

  it('refuses another key-encryption key, names its source, and changes nothing', async () => {
    await using fixed = await fixture()
    await (await fixed.reopen())[Symbol.asyncDispose]()
    const wrong = openState({ dataDir: fixed.place.path, clock: fixed.clock, kek: Buffer.alloc(32, 9) })
    await assert.rejects(wrong, (error: { code: string; message: string }) => {
      assert.equal(error.code, 'ERR_CA_WRONG_SEALING_KEY')
      assert.match(error.message, /\/etc\/signet\/kek/)
      return true
    })
    await using again = await fixed.reopen()
    assert.equal((await again.audit.verify()).intact, true)
  })

  it('refuses another trust domain', async () => {
    await using fixed = await fixture()
    await (await fixed.reopen())[Symbol.asyncDispose]()
    const wrong = openState({ dataDir: fixed.place.path, clock: fixed.clock, trustDomain: 'other.example' })
    await assert.rejects(wrong, { code: 'ERR_CA_WRONG_TRUST_DOMAIN' })
  })

  for (const pauseDays of [16, 21, 29, 31, 100, 4000]) {
    it(`puts everything in order after a pause of ${pauseDays} days`, async () => {
      await using fixed = await fixture()
      await (await fixed.reopen())[Symbol.asyncDispose]()
      fixed.clock.advance(pauseDays * DAY_MS)
      await using state = await fixed.reopen()
      const now = seconds(fixed.clock)
      const { signer, jwt, serverTls, bundle } = state.keys.current()
      const signers = [signer('spiffe_x509'), jwt, signer('control_issuing')]
      for (const { notAfter: end } of signers) assert.ok(end > now)
      verifyChain(
        serverTls.chain.slice(0, 2).map(parseCertificate),
        state.keys.current().controlRoots.map(parseCertificate),
        now,
      )
      for (const der of bundle.x509Authorities) assert.ok(parseCertificate(der).notAfter > now)
    })
  }
})

describe('a clock far ahead', () => {
  const YEARS_MS = 20 * 365 * DAY_MS
  const facts = (state: AuthorityState) => {
    const { pin, activeX509KeyId, activeJwtKeyId, signer } = state.keys.current()
    return [pin, activeX509KeyId, activeJwtKeyId, signer('control_issuing').keyId]
  }

  it('at a start deletes no key, and when it is right again the first keys sign as before', async () => {
    await using fixed = await fixture()
    const first = await fixed.reopen()
    const before = facts(first)
    await first[Symbol.asyncDispose]()
    fixed.clock.jump(YEARS_MS)
    await using state = await fixed.reopen()
    assert.ok(
      state.keys.current().signer('spiffe_x509').notAfter > seconds(fixed.clock),
      'what is due after a pause is done at once',
    )
    await pass(state, fixed.clock, DAY_MS / 2, DAY_MS / 4)
    assert.equal(await lastEvent(state, 'ca.removed'), undefined)
    fixed.clock.jump(-YEARS_MS)
    await pass(state, fixed.clock, 60_000, 60_000)
    assert.deepEqual(facts(state), before)
    assert.equal(
      state.keys.current().bundle.x509Authorities[0],
      state.keys.current().signer('spiffe_x509').certificateDer,
    )
    await pass(state, fixed.clock, 2 * DAY_MS, DAY_MS / 2)
    assert.deepEqual(states(state, 'control_root'), ['active'])
    assert.deepEqual(facts(state), before)
  })

  it('while the authority runs ends no key until it has lasted for a while; new keys sign meanwhile and the log says so', async () => {
    await using place = await temporaryDirectory()
    const clock = new FakeClock()
    const lines: string[] = []
    const logger = createLogger({ destination: { write: (line) => void lines.push(line) } })
    await using state = await openState({ dataDir: place.path, clock, logger })
    const before = facts(state)
    const published = state.keys.current().bundle
    const isStillPublished = (): boolean => {
      const { bundle } = state.keys.current()
      return (
        published.x509Authorities.every((der) => bundle.x509Authorities.some((each) => each.equals(der))) &&
        [...published.jwtAuthorities.keys()].every((kid) => bundle.jwtAuthorities.has(kid))
      )
    }
    clock.jump(YEARS_MS)
    await pass(state, clock, 10_000, 5_000)
    const { signer, jwt } = state.keys.current()
    for (const { notAfter } of [signer('spiffe_x509'), jwt])
      assert.ok(notAfter > seconds(clock), 'acts at once')
    await pass(state, clock, 10 * 60_000, 60_000)
    assert.ok(isStillPublished())
    assert.deepEqual(states(state, 'control_root'), ['active'])
    assert.deepEqual(states(state, 'control_issuing'), ['active'])
    assert.equal(lines.filter((line) => line.includes('"event":"clock.jumped"')).length, 1)
    await assert.rejects(state.keys.rotate('jwt', true, 'uid:0'), { code: 'ERR_CA_CLOCK_JUMPED' })
    clock.jump(-YEARS_MS)
    await pass(state, clock, 10_000, 5_000)
    assert.deepEqual(facts(state), before)
    assert.ok(isStillPublished())
    clock.jump(YEARS_MS)
    await pass(state, clock, 20 * 60_000, 60_000)
    assert.ok(!isStillPublished())
    assert.deepEqual(states(state, 'control_root'), ['ended', 'active'])
  })

  it('deletes expired keys only after a day of real time, and control CAs after the renewal grace time', async () => {
    await using fixed = await fixture()
    await (await fixed.reopen())[Symbol.asyncDispose]()
    fixed.clock.advance(100 * DAY_MS)
    await using state = await fixed.reopen()
    assert.deepEqual(states(state, 'jwt'), ['ended', 'active'])
    await pass(state, fixed.clock, DAY_MS, DAY_MS / 4)
    assert.deepEqual(states(state, 'jwt'), ['ended', 'active'])
    await pass(state, fixed.clock, DAY_MS / 2, DAY_MS / 4)
    assert.deepEqual(states(state, 'jwt'), ['active'])
  })
})

describe('the life of keys', () => {
  const lifetimes = { control_root: 36_000, control_issuing: 600, spiffe_ca: 360, jwt_key: 360 }

  it('publishes a successor, lets it sign, and keeps the old key until it expires; the sequence only increases', async () => {
    await using fixed = await fixture(lifetimes)
    await using state = await fixed.reopen()
    const first = state.keys.current()
    let last = first
    const activated: string[] = [first.activeX509KeyId]
    await pass(state, fixed.clock, 1_200_000, 5000, () => {
      const now = state.keys.current()
      assert.ok((now.bundle.sequence ?? 0n) >= (last.bundle.sequence ?? 0n))
      assert.ok(
        now.signer('spiffe_x509').notAfter - seconds(fixed.clock) >= 100,
        'a third of the life is left, less the time of a step',
      )
      if (now.activeX509KeyId !== last.activeX509KeyId) {
        activated.push(now.activeX509KeyId)
        const known = last.bundle.x509Authorities.map((der) => parseCertificate(der).subjectKeyId)
        assert.ok(known.includes(now.activeX509KeyId), 'published before it signs')
        const kept = now.bundle.x509Authorities.map((der) => parseCertificate(der).subjectKeyId)
        assert.ok(kept.includes(last.activeX509KeyId), 'kept after it signed')
      }
      last = now
    })
    assert.ok(activated.length >= 4)
    assert.ok(
      !last.bundle.x509Authorities.some((der) => der.equals(first.signer('spiffe_x509').certificateDer)),
      'gone after its end',
    )
    for (const event of ['ca.prepared', 'ca.activated', 'ca.retired', 'ca.ended', 'ca.removed']) {
      assert.ok(await lastEvent(state, event), event)
    }
    assert.equal((await state.audit.verify()).intact, true)
  })

  it('gives the listener a new certificate under the same root when the issuing CA changes', async () => {
    await using fixed = await fixture(lifetimes)
    await using state = await fixed.reopen()
    const before = state.keys.current()
    await state.keys.rotate('control_issuing', true, 'uid:0')
    const after = state.keys.current()
    assert.equal(after.pin, before.pin)
    assert.notDeepEqual(after.serverTls.chain[0], before.serverTls.chain[0])
    assert.deepEqual(after.serverTls.chain[1], after.signer('control_issuing').certificateDer)
    assert.notDeepEqual(after.serverTls.chain[1], before.serverTls.chain[1])
  })

  it('reports that it cannot rotate, and rotates once it can again', async () => {
    await using place = await temporaryDirectory()
    const clock = new FakeClock()
    const lines: string[] = []
    const logger = createLogger({ destination: { write: (line) => void lines.push(line) } })
    await using state = await openState({ dataDir: place.path, clock, logger })
    const sql = `CREATE TRIGGER no BEFORE INSERT ON signing_keys BEGIN SELECT RAISE(ABORT, 'no'); END`
    await state.datastore.transaction((tx) => execute(tx, sql))
    await pass(state, clock, 16 * DAY_MS, 8 * DAY_MS)
    assert.deepEqual(states(state, 'jwt'), ['active'])
    assert.ok(lines.some((line) => line.includes('"event":"ca.expiring"')))
    await state.datastore.transaction((tx) => execute(tx, 'DROP TRIGGER no'))
    await pass(state, clock, 20_000, 10_000)
    assert.deepEqual(states(state, 'jwt'), ['active', 'prepared'])
  })

  it('renews the listener’s certificate automatically', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    const before = state.keys.current().serverTls
    await pass(state, fixed.clock, 4 * DAY_MS, DAY_MS / 2)
    assert.ok(state.keys.current().serverTls !== before)
    assert.ok(state.keys.current().serverTls.renewMs > fixed.clock.now().getTime())
  })

  it('rotates to a new root with an issuing CA under it, and agents accept both', async () => {
    await using fixed = await fixture({
      control_root: 3600,
      control_issuing: 600,
      spiffe_ca: 3600,
      jwt_key: 3600,
    })
    await using state = await fixed.reopen()
    const first = state.keys.current()
    let both: KeysInUse | undefined
    await pass(state, fixed.clock, 2_700_000, 30_000, () => {
      const now = state.keys.current()
      if (now.pin !== first.pin) both ??= now
    })
    assert.ok(both)
    assert.equal(both.controlRoots.length, 2)
    assert.ok(both.controlRoots.some((root) => root.equals(first.controlRoots[0] as Buffer)))
    assert.deepEqual(both.serverTls.chain[2], both.controlChain[1])
    verifyChain(
      both.serverTls.chain.slice(0, 2).map(parseCertificate),
      [parseCertificate(both.controlChain[1] as Buffer)],
      seconds(fixed.clock) - 60,
    )
  })
})
