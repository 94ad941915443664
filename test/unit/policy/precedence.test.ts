import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { IdentityExplanation } from '../../../src/policy/compile.ts'
import { formatExplanation } from '../../../src/policy/format-explanation.ts'
import { byPrecedence, explainOrder, sentHints } from '../../../src/policy/precedence.ts'

const placed = (identity: string, priority = 100) => ({ identity, priority })

describe('the order of delivery', () => {
  it('is by priority, the lower number first, then by name', () => {
    const all = [placed('b'), placed('z', 0), placed('a'), placed('c', 1000), placed('B')]
    assert.deepEqual(
      all.sort(byPrecedence).map(({ identity }) => identity),
      ['z', 'B', 'a', 'b', 'c'],
    )
  })
})

describe('hints', () => {
  it('are kept by the first that has them, and empty ones do not clash', () => {
    const hinted = ['x', '', 'y', 'x', '', 'x'].map((hint, index) => ({ identity: `i${index}`, hint }))
    assert.deepEqual(sentHints(hinted), [
      { hint: 'x' },
      { hint: '' },
      { hint: 'y' },
      { hint: '', holder: 'i0' },
      { hint: '' },
      { hint: '', holder: 'i0' },
    ])
  })
})

describe('an explanation', () => {
  const granted = (identity: string, more: Partial<IdentityExplanation> = {}): IdentityExplanation => {
    const spiffeId = `spiffe://example.org/${identity}`
    return { identity, revision: '1', granted: true, spiffeId, rule: 'allow[0]', priority: 100, ...more }
  }
  const refused = (identity: string): IdentityExplanation => {
    return { identity, revision: '1', granted: false, reason: 'a reason' }
  }

  it('lists granted identities in the order of delivery, then the others', () => {
    const all = [refused('b'), refused('y'), granted('b'), refused('a'), granted('c', { priority: 1 })]
    assert.deepEqual(
      explainOrder(all).map(({ identity, order }) => [identity, order]),
      [
        ['c', 1],
        ['b', 2],
        ['a', undefined],
        ['b', undefined],
        ['y', undefined],
      ],
    )
  })

  it('says which identity loses its hint, and which is beyond the limit', () => {
    const all = [granted('a', { hint: 'h' }), granted('b', { hint: 'h' }), granted('c', { hint: 'h' })]
    const text = formatExplanation({ attributes: {}, identities: explainOrder(all, 2) })
    assert.match(text, / a .*by allow\[0\]\n/)
    assert.match(text, / b .*, without its hint "h", which a has\n/)
    assert.match(text, / c .*, not delivered: a caller gets 2 at most\n/)
  })
})
