import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LogGaps } from '../../../../src/authority/bots/log-gaps.ts'
import { KEPT_REVISIONS, takeRevisions } from '../../../../src/authority/datastore/revisions.ts'
import { systemRandom } from '../../../../src/foundation/random.ts'
import { createUlid } from '../../../../src/foundation/ulid.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import {
  createToken,
  DAY_MS,
  HOUR_MS,
  join,
  newKey,
  openState,
  removeResource,
  shown,
  temporaryDirectory,
} from '../../../support/authority-state.ts'

describe('the gaps in the log of an authority', () => {
  it('end at the present, also when one start saw a clock far ahead', async () => {
    await using place = await temporaryDirectory()
    const clock = new FakeClock()
    const restart = async (): Promise<LogGaps> => {
      await using state = await openState({ dataDir: place.path, clock })
      await createToken(state)
      // This leaves a row in the audit log.
      await assert.rejects(join(state, await newKey(), 'wrong'), { code: 'ERR_REFUSED' })
      return LogGaps.open(state.datastore, clock)
    }
    await restart()
    clock.jump(HOUR_MS)
    const inGap = createUlid(clock.now().getTime(), systemRandom)
    clock.jump(5 * 365 * DAY_MS)
    await restart()
    clock.jump(-5 * 365 * DAY_MS + HOUR_MS)
    await restart()
    clock.jump(HOUR_MS)
    const gaps = await restart()
    assert.equal(gaps.cover(inGap), true)
    assert.equal(gaps.cover(createUlid(clock.now().getTime() + HOUR_MS, systemRandom)), false)
  })
})

describe('an agent that was away while its bot was deleted', () => {
  it('is told that it is unknown, also after a restart of the authority and in a gap of its log', async () => {
    await using place = await temporaryDirectory()
    const clock = new FakeClock()
    const options = { dataDir: place.path, clock }
    const certificate = await (async () => {
      await using state = await openState(options)
      const joined = await join(state, await newKey(), await createToken(state))
      await removeResource(state, 'bot', 'builder')
      await state.datastore.transaction((tx) => takeRevisions(tx, KEPT_REVISIONS + 1))
      await removeResource(state, 'join_token', 'first') // deletes tombstones that are too old
      return joined
    })()
    clock.jump(500) // the join lies within the slack before the gap
    await using state = await openState(options)
    assert.throws(() => state.bots.use(shown(certificate)), { code: 'ERR_REFUSED' })
  })
})
