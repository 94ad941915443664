import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { findInstance, setPending } from '../../src/authority/datastore/instance-repository.ts'
import { updateActivation } from '../../src/authority/datastore/signing-key-repository.ts'
import { createLogger } from '../../src/foundation/logger.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import {
  type AuthorityState,
  createToken,
  DAY_MS,
  join,
  newKey,
  openState,
  renew,
  shown,
  temporaryDirectory,
} from '../support/authority-state.ts'

const CONFLICT = { code: 'ERR_DATASTORE_REVISION_CONFLICT' }

/** Simulates another authority on the same database, whose changes this one's memory does not have. */
const another = {
  certifies: (state: AuthorityState, id: string, keySha256: string) =>
    state.datastore.transaction((tx) =>
      setPending(tx, id, { generation: 1, keySha256, notAfterMs: 1, agentVersion: '1' }, 0),
    ),
  reschedules: (state: AuthorityState, id: string, activateMs: number) =>
    state.datastore.transaction(async (tx) => {
      const [row] = await tx.rows('signing_keys', { id })
      await updateActivation(tx, { id, revision: row?.revision ?? -1 }, activateMs)
    }),
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await setImmediate()
}

describe('an authority whose memory is older than the database', () => {
  it('does not record the first use of a certificate that another authority has replaced', async () => {
    await using place = await temporaryDirectory()
    const lines: string[] = []
    const logger = createLogger({ destination: { write: (line) => void lines.push(line) } })
    await using state = await openState({ dataDir: place.path, logger })
    const first = await join(state, await newKey(), await createToken(state))
    await another.certifies(state, first.botInstanceId, 'another key')
    state.bots.use(shown(first))
    await turns()
    assert.ok(lines.some((line) => line.includes('was changed meanwhile')))
    const stored = await state.datastore.transaction((tx) => findInstance(tx, first.botInstanceId))
    assert.deepEqual(stored?.generations.map(({ state: is }) => is).toSorted(), ['pending', 'superseded'])
    assert.equal(state.bots.get(first.botInstanceId)?.generation, 0, 'memory is as the database again')
    assert.throws(() => state.bots.use(shown(first)), { code: 'ERR_REFUSED' })
  })

  it('does not renew an instance that another authority has certified meanwhile', async () => {
    await using place = await temporaryDirectory()
    await using state = await openState({ dataDir: place.path })
    const first = await join(state, await newKey(), await createToken(state))
    await another.certifies(state, first.botInstanceId, 'another key')
    const renewing = renew(state, first, await newKey())
    await assert.rejects(renewing, CONFLICT)
  })

  it('does not rotate a key that another authority has changed, and learns of the change', async () => {
    await using place = await temporaryDirectory()
    const clock = new FakeClock()
    await using state = await openState({ dataDir: place.path, clock })
    await state.keys.rotate('jwt', false, 'uid:0')
    const prepared = () => state.keys.list().find((key) => key.purpose === 'jwt' && key.state === 'prepared')
    const id = prepared()?.id ?? ''
    await another.reschedules(state, id, clock.now().getTime() + 90 * DAY_MS)
    await assert.rejects(state.keys.rotate('jwt', true, 'uid:0'), CONFLICT)
    assert.equal(prepared()?.nextChangeMs, clock.now().getTime() + 90 * DAY_MS)
    await state.keys.rotate('jwt', true, 'uid:0')
    assert.equal(state.keys.list().find((key) => key.id === id)?.state, 'active')
  })
})
