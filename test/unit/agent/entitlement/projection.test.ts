import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { project } from '../../../../src/agent/entitlement/projection.ts'

const caller = (unix: Record<string, string | number>) => ({ workload: { unix } })

describe('project', () => {
  it('returns the same text for callers that the policy cannot tell apart', () => {
    const used = ['workload.unix.uid']
    assert.equal(project(caller({ uid: 1, pid: 7 }), used), project(caller({ uid: 1, pid: 8 }), used))
  })
  for (const [what, one, other] of [
    ['values', { uid: 1 }, { uid: 2 }],
    ['types', { uid: 1 }, { uid: '1' }],
    ['presence', { uid: 1 }, {}],
  ] as const) {
    it(`returns different texts for callers that differ in ${what}`, () => {
      const used = ['workload.unix.uid', 'workload.unix.user']
      assert.notEqual(project(caller(one), used), project(caller(other), used))
    })
  }
  it('does not let one value stand for another', () => {
    const used = ['workload.unix.user', 'workload.unix.group']
    assert.notEqual(project(caller({ user: 'a' }), used), project(caller({ group: 'a' }), used))
  })
  it('includes all of a subtree that an expression uses', () => {
    const used = ['workload.unix']
    assert.notEqual(project(caller({ pid: 1 }), used), project(caller({ pid: 2 }), used))
  })
})
