import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AuditEntry } from '../../../../src/authority/audit/events.ts'
import { type Noted, SummedRows } from '../../../../src/authority/audit/summed-rows.ts'
import { silentLogger } from '../../../../src/foundation/logger.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const START_MS = Date.parse('2026-01-01T00:00:00Z')

function refusedOf(key: string, reason = 'locked'): Noted {
  const subject = { bot: 'builder', botInstance: key }
  return {
    key,
    reason,
    entry: (ref) => ({
      event: 'bot.refused',
      actor: key,
      ref,
      detail: { ...subject, generation: 1, reason, address: '192.0.2.1' },
    }),
    summed: (sum, ref) => ({ event: 'bot.refused_more', actor: key, ref, detail: { ...subject, ...sum } }),
  }
}

function rig() {
  const clock = new FakeClock(START_MS)
  const recorded: AuditEntry[] = []
  let references = 0
  const audit = {
    newReference: () => `R${++references}`,
    recordAll: async (entries: readonly AuditEntry[]) => void recorded.push(...entries),
  }
  const rows = new SummedRows({ audit, clock, logger: silentLogger }, { burst: 2, perSecond: 0.1 })
  return { clock, recorded, rows }
}

describe('rows for refusals', () => {
  it('are written one by one while they are few, and summed above the budget of a key', async () => {
    const { clock, recorded, rows } = rig()
    const own = [rows.note(refusedOf('a')), rows.note(refusedOf('a'))]
    assert.deepEqual(
      own.map(({ entry }) => entry?.ref),
      ['R1', 'R2'],
    )
    clock.advance(1_000)
    const counted = ['locked', 'locked', 'grace_over'].map((reason) => rows.note(refusedOf('a', reason)))
    assert.deepEqual(counted, [{ reference: 'R3' }, { reference: 'R3' }, { reference: 'R3' }])
    assert.ok(rows.note(refusedOf('b')).entry, 'another key has a budget of its own')
    assert.deepEqual(recorded, [])
    clock.advance(60_000)
    assert.deepEqual(recorded, [
      {
        event: 'bot.refused_more',
        actor: 'a',
        ref: 'R3',
        detail: {
          bot: 'builder',
          botInstance: 'a',
          count: 3,
          firstMs: START_MS + 1_000,
          lastMs: START_MS + 1_000,
          reasons: { locked: 2, grace_over: 1 },
        },
      },
    ])
    assert.ok(rows.note(refusedOf('a')).entry, 'the budget has come back')
  })

  it('hold few and short reasons, whatever is passed', async () => {
    const { recorded, rows } = rig()
    for (let n = 0; n < 100; n++) rows.note(refusedOf('a', `${n} ${'x'.repeat(5_000)}`))
    await rows[Symbol.asyncDispose]()
    const [entry] = recorded
    assert.partialDeepStrictEqual(entry?.detail, { count: 98 })
    assert.ok(JSON.stringify(entry).length < 2_000)
  })

  it('are written early when many keys have a sum', () => {
    const { recorded, rows } = rig()
    for (let n = 0; n < 1_000; n++) for (let m = 0; m < 3; m++) rows.note(refusedOf(String(n)))
    assert.equal(recorded.length, 1_000)
  })
})
