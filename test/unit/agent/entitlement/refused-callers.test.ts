import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProcessChangedError } from '../../../../src/agent/attestation/attestor.ts'
import { NoIdentityError } from '../../../../src/agent/entitlement/errors.ts'
import { RefusedCallers } from '../../../../src/agent/entitlement/refused-callers.ts'
import { createLogger } from '../../../../src/foundation/logger.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'
import type { Peer } from '../../../../src/peer/peer.ts'
import { InvalidJwtSvidError } from '../../../../src/spiffe/jwt-svid.ts'
import { fakeCaller } from '../../../fakes/fake-caller.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

function rig() {
  const clock = new FakeClock()
  const lines: Record<string, unknown>[] = []
  const logger = createLogger({
    level: 'info',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  })
  const reported: object[] = []
  const ended: Peer[] = []
  const metrics = createMetrics()
  const refusals = new RefusedCallers({
    clock,
    logger,
    metrics,
    reporter: {
      denied: (process, reason) => void reported.push({ process, reason }),
      delivered: () => undefined,
    },
    endCalls: (peer) => void ended.push(peer),
  })
  return { clock, lines, reported, ended, metrics, refusals }
}

describe('RefusedCallers', () => {
  it('tells the operator what to run', () => {
    const { refusals, lines, reported } = rig()
    refusals.note(fakeCaller().peer, new NoIdentityError('no_identity'))
    assert.equal(lines[0]?.['event'], 'identity.denied')
    assert.equal(lines[0]?.['run'], 'signet explain --pid 812')
    assert.equal(reported.length, 1)
  })

  it('logs a client that retries only now and then, with a count, and counts every refusal', async () => {
    const { refusals, lines, reported, clock, metrics } = rig()
    for (let second = 0; second < 31; second += 1) {
      refusals.note(fakeCaller({ pid: 900 + second }).peer, new NoIdentityError('no_identity'))
      clock.advance(1_000)
    }
    assert.deepEqual(
      lines.map(({ suppressed }) => suppressed),
      [0, 29],
    )
    assert.equal(reported.length, 31) // the reporter sums them
    assert.match(metrics.expose(), /signet_denied_total\{reason="no_identity"\} 31/)
  })

  it('keeps users, programs and reasons apart', () => {
    const { refusals, lines } = rig()
    refusals.note(fakeCaller().peer, new NoIdentityError('no_identity'))
    refusals.note(fakeCaller({ uid: 7 }).peer, new NoIdentityError('no_identity'))
    refusals.note(fakeCaller({ path: '/bin/x' }).peer, new NoIdentityError('no_identity'))
    refusals.note(fakeCaller().peer, new NoIdentityError('locked'))
    assert.equal(lines.length, 4)
  })

  it('says why a token was refused, once per user and reason, whichever program it was', () => {
    const { refusals, lines } = rig()
    const expired = new InvalidJwtSvidError('expired', { because: 'exp was 61 s ago' })
    for (const path of ['/bin/a', '/bin/b', '/bin/c']) refusals.note(fakeCaller({ path }).peer, expired)
    refusals.note(fakeCaller().peer, new InvalidJwtSvidError('unknown_key'))
    refusals.note(fakeCaller({ uid: 7 }).peer, expired)
    assert.deepEqual(
      lines.map(({ event, uid, reason }) => [event, uid, reason]),
      [
        ['jwt_svid.refused', 1000, 'expired'],
        ['jwt_svid.refused', 1000, 'unknown_key'],
        ['jwt_svid.refused', 7, 'expired'],
      ],
    )
    assert.match(String(lines[0]?.['detail']), /expired \(exp was 61 s ago\)/)
  })

  it('ends all calls of a process that changed, once', () => {
    const { refusals, ended, lines } = rig()
    const { peer } = fakeCaller()
    refusals.note(peer, new ProcessChangedError('other executable'))
    refusals.note(peer, new ProcessChangedError('other executable'))
    assert.deepEqual(ended, [peer])
    assert.equal(lines[0]?.['event'], 'process.changed')
  })

  it('logs nothing about callers that are gone', () => {
    const { refusals, lines, ended } = rig()
    refusals.note(fakeCaller().peer, new ProcessChangedError('exited'))
    assert.equal(lines.length, 0)
    assert.equal(ended.length, 1)
  })

  it('passes on the results and errors of the calls that it wraps', async () => {
    const { refusals, lines } = rig()
    const { peer } = fakeCaller()
    const error = new NoIdentityError('not_entitled')
    assert.equal(
      refusals.watchOver(peer, () => 7),
      7,
    )
    assert.throws(
      () =>
        refusals.watchOver(peer, () => {
          throw error
        }),
      error,
    )
    await assert.rejects(async () => refusals.watchOver(peer, () => Promise.reject(error)), error)
    assert.equal(lines.length, 1)
  })
})
