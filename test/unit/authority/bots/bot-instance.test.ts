import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { afterFirstUse, type InstanceState, judge } from '../../../../src/authority/bots/bot-instance.ts'

const state: InstanceState = {
  id: 'i',
  bot: 'b',
  joinToken: 't',
  joinMethod: 'secret',
  joinAttributes: {},
  generation: 5,
  joinedMs: 0,
  renewedMs: 0,
  notAfterMs: 0,
  agentVersion: '',
  revision: 1,
  hostname: '',
  used: { generation: 5, keySha256: 'five' },
  pending: { generation: 6, keySha256: 'six' },
  superseded: new Set(['5/other-five', '6/other-six', '3/three']),
  crowded: new Set(),
}

describe('judge', () => {
  const cases = [
    [5, 'five', 'current', 'the certificate in use'],
    [6, 'six', 'first_use', 'the pending one'],
    [4, 'four', 'superseded', 'one of an older generation'],
    [3, 'three', 'superseded', 'one of a much older generation'],
    [6, 'other-six', 'superseded', 'one whose key was replaced before it was used'],
    [5, 'other-five', 'superseded', 'one whose key was replaced before the present one was used'],
    [7, 'seven', 'ahead', 'one of a generation that the database has not reached'],
    [6, 'unknown', 'ahead', 'one of the pending generation with a key that the database never saw'],
    [5, 'unknown', 'ahead', 'one of the present generation with a key that the database never saw'],
  ] as const
  for (const [generation, keySha256, standing, what] of cases) {
    it(`finds ${what} ${standing}`, () => assert.equal(judge(state, { generation, keySha256 }), standing))
  }
})

describe('judge, of a generation with more superseded keys than are remembered', () => {
  const crowded = { ...state, crowded: new Set([6]) }
  const cases = [
    [6, 'unknown', 'superseded', 'every unknown key'],
    [6, 'six', 'first_use', 'not the pending one'],
    [5, 'five', 'current', 'not the one in use'],
    [7, 'seven', 'ahead', 'no key of a later generation'],
  ] as const
  for (const [generation, keySha256, standing, what] of cases) {
    it(`treats as superseded: ${what}`, () =>
      assert.equal(judge(crowded, { generation, keySha256 }), standing))
  }
})

describe('afterFirstUse', () => {
  it('makes the pending certificate the one in use', () => {
    const next = afterFirstUse(state)
    assert.equal(judge(next, { generation: 6, keySha256: 'six' }), 'current')
    assert.equal(judge(next, { generation: 5, keySha256: 'five' }), 'superseded')
  })
})
