import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { shorten } from '../../../../src/agent/report/shorten.ts'

const LONGEST = 8000

describe('shorten', () => {
  it('leaves alone what fits', () => {
    const detail = { reason: 'no rule', groups: [1, 2, 3] }
    assert.deepEqual(JSON.parse(shorten(detail)), detail)
  })
  it('cuts long lists, no more than it must, and says how much is missing', () => {
    const groups = Array.from({ length: 40 }, (_, n) => `${n}:${'x'.repeat(210)}`)
    const json = shorten({ groups })
    assert.ok(json.length <= LONGEST)
    const { groups: kept } = JSON.parse(json) as { groups: string[] }
    assert.deepEqual(kept, [...groups.slice(0, 32), '… 8 more'])
  })
  it('says that something was there when nothing of it fits', () => {
    assert.deepEqual(JSON.parse(shorten({ text: 'x'.repeat(LONGEST) })), { omitted: 'too long' })
  })
})
