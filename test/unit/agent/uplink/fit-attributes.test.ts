import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fitAttributes } from '../../../../src/agent/uplink/fit-attributes.ts'
import type { Attributes } from '../../../../src/policy/attributes.ts'
import { parseWorkload } from '../../../../src/policy/parse-attributes.ts'

describe('the workload attributes that an agent sends', () => {
  it('are complete, as a rule', () => {
    const workload = { unix: { uid: 1000, groups: [4, 24] } }
    assert.equal(fitAttributes(workload), JSON.stringify(workload))
  })

  it('have only as many supplementary groups as the authority accepts, the first ones', () => {
    const groups = Array.from({ length: 2000 }, (_, n) => 1_000_000_000 + n)
    const told = fitAttributes({ unix: { uid: 1000, groups, binary_path: '/opt/ä' } })
    const read = parseWorkload(told)
    assert.ok('workload' in read)
    const unix = read.workload['unix'] as Attributes
    const kept = unix['groups'] as readonly number[]
    assert.equal(unix['binary_path'], '/opt/ä')
    assert.ok(kept.length > 300)
    assert.deepEqual(kept, groups.slice(0, kept.length))
  })
})
