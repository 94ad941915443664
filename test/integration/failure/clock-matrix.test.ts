import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { parseCertificate, splitDer } from '../../../src/crypto/x509.ts'
import { TwoClocks } from '../../support/two-clocks.ts'
import type { Message } from '../../support/workload-client.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const SPANS = { minutes: 10 * MINUTE_MS, days: 3 * DAY_MS }

type Fault = 'forward' | 'back' | 'suspend'
type Side = 'agent' | 'authority'
type Moment = 'before the join' | 'joined' | 'restarted'

function validity({ svids }: Message): { serial: string; notBeforeMs: number; notAfterMs: number } {
  const [leaf = Buffer.alloc(0)] = splitDer(svids[0].x509Svid)
  const { serial, notBefore, notAfter } = parseCertificate(leaf)
  return { serial, notBeforeMs: notBefore * 1000, notAfterMs: notAfter * 1000 }
}

/**
 * Fetches once: an SVID that is valid by the clock of its host, or undefined if there is none at
 * the moment.
 */
async function fetchOnce(clocks: TwoClocks): Promise<ReturnType<typeof validity> | undefined> {
  using client = clocks.client()
  try {
    const svid = validity(await client.first('FetchX509SVID'))
    const nowMs = clocks.agentClock.now().getTime()
    assert.ok(
      svid.notBeforeMs <= nowMs + 1000 && nowMs < svid.notAfterMs + 1000,
      'valid by the clock of its host',
    )
    return svid
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error
    assert.equal((error as { code: number }).code, status.UNAVAILABLE, String(error))
    return undefined
  }
}

async function fetched(clocks: TwoClocks): Promise<ReturnType<typeof validity>> {
  for (;;) {
    const svid = await fetchOnce(clocks)
    if (svid !== undefined) return svid
    await wait(5)
  }
}

async function fetchToken(clocks: TwoClocks): Promise<void> {
  using client = clocks.client()
  for (;;) {
    try {
      await client.unary('FetchJWTSVID', { audience: ['a'] })
      return
    } catch (error) {
      assert.equal((error as { code: number }).code, status.UNAVAILABLE)
      await wait(5)
    }
  }
}

/**
 * Disturbs the clock of one side. A suspension is only noticed when it is over, so as much time has
 * passed for the other side.
 */
function disturb(clocks: TwoClocks, fault: Fault, side: Side, ms: number): void {
  const [mine, others] =
    side === 'agent' ? [clocks.agentClock, clocks.authorityClock] : [clocks.authorityClock, clocks.agentClock]
  if (fault === 'suspend') {
    mine.suspend(ms)
    others.suspend(ms)
  } else mine.jump(fault === 'forward' ? ms : -ms)
}

async function restart(clocks: TwoClocks, side: Side): Promise<void> {
  if (side === 'agent') {
    await clocks.stopAgent()
    await clocks.startAgent()
  } else {
    await clocks.stopAuthority()
    await clocks.startAuthority()
  }
}

async function live(fault: Fault, side: Side, moment: Moment, ms: number): Promise<void> {
  // After a suspension the time is right. It must be the real time, because TLS uses that.
  const hasSlept = fault === 'suspend'
  await using clocks = await TwoClocks.create(
    hasSlept ? Date.now() - ms : Date.now(),
    hasSlept && moment === 'before the join' ? 2 * (ms / 1000) : 3600,
  )
  let before: ReturnType<typeof validity> | undefined
  if (moment !== 'before the join') {
    await clocks.startAgent()
    before = await fetched(clocks)
  }
  disturb(clocks, fault, side, ms)
  if (moment === 'before the join') await clocks.startAgent()
  if (moment === 'restarted') await restart(clocks, side)
  for (let look = 0; look < 5; look += 1) {
    await fetchOnce(clocks)
    await wait(10)
  }
  assert.equal(await clocks.hasEnded(), undefined, 'waits, and does not give up')
  if (fault !== 'suspend') disturb(clocks, fault === 'forward' ? 'back' : 'forward', side, ms)
  const isShort = fault !== 'suspend' && side === 'agent' && moment !== 'before the join'
  if (isShort) {
    // The agent's SVIDs are still valid, and it needs no authority to serve them.
    await clocks.stopAuthority()
    const again = await fetched(clocks)
    assert.ok(before !== undefined && again.notAfterMs >= before.notAfterMs)
    await clocks.startAuthority()
  }
  await fetched(clocks)
  await fetchToken(clocks)
  assert.equal(await clocks.hasEnded(), undefined)
}

for (const side of ['agent', 'authority'] as const) {
  for (const moment of ['before the join', 'joined', 'restarted'] as const) {
    describe(`the clock of the ${side}, ${moment}`, { concurrency: 3 }, () => {
      for (const fault of ['forward', 'back', 'suspend'] as const) {
        for (const [span, ms] of Object.entries(SPANS)) {
          const what = fault === 'suspend' ? `stands still for ${span}` : `is wrong by ${span}, ${fault}`
          it(`${what}: nothing that is still valid is lost, and everything works again with the right time`, () =>
            live(fault, side, moment, ms))
        }
      }
    })
  }
}
