import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkMetadata } from '../../../../src/agent/workload-api/gate.ts'

const context = (...values: string[]) => ({
  method: '/SpiffeWorkloadAPI/FetchX509SVID',
  signal: new AbortController().signal,
  metadata: (name: string) => (name === 'workload.spiffe.io' ? values : []),
})

describe('the gate', () => {
  it('lets a call with `workload.spiffe.io: true` pass', () => {
    assert.doesNotThrow(() => checkMetadata(context('true')))
  })
  for (const values of [
    [],
    [''],
    ['True'],
    ['TRUE'],
    ['1'],
    [' true'],
    ['true', 'true'],
    ['true,true'],
    ['true', 'x'],
  ]) {
    it(`refuses ${JSON.stringify(values)}`, () => {
      assert.throws(() => checkMetadata(context(...values)), {
        code: 'ERR_WORKLOAD_REQUEST_INVALID',
        kind: 'invalid_argument',
      })
    })
  }
})
