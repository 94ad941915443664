import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileWorkloadIdentity } from '../../../src/policy/compile.ts'
import { mayOverlap } from '../../../src/policy/overlap.ts'
import type { RuleSpec } from '../../../src/policy/workload-identity.ts'

const compile = (allow: readonly RuleSpec[]) =>
  compileWorkloadIdentity(
    { name: 'a', revision: '1', labels: {}, spec: { spiffe_id: '/a', allow } },
    { trustDomain: 'example.org', x509TtlSeconds: 60, jwtTtlSeconds: 60 },
  )

const uid = (value: number | readonly number[]): RuleSpec => ({ match: { 'workload.unix.uid': value } })
const groups = (value: number): RuleSpec => ({ match: { 'workload.unix.groups': value } })
const path = (value: string): RuleSpec => ({ match: { 'workload.unix.binary_path': value } })

describe('two workload identities', () => {
  for (const [one, other, may] of [
    [[uid(1)], [uid(1)], true],
    [[uid(1)], [uid(2)], false],
    [[uid([1, 2])], [uid([2, 3])], true],
    [[uid(1), uid(2)], [uid(3), uid(2)], true],
    [[uid(1)], [path('/bin/a')], true],
    [[uid(1)], [{ match: { ...uid(1).match, ...path('/bin/a').match } }], true],
    [[groups(1)], [groups(2)], true],
    [[uid(1)], [{ when: 'workload.unix.uid == 2' }], false],
    [[uid(1)], [{ when: 'workload.unix.uid > 0' }], true],
    [[uid(1)], [], false],
  ] as const) {
    it(`with ${JSON.stringify(one)} and ${JSON.stringify(other)} ${may ? 'may be' : 'are never'} for one caller`, () => {
      assert.equal(mayOverlap(compile(one), compile(other)), may)
      assert.equal(mayOverlap(compile(other), compile(one)), may)
    })
  }
})
