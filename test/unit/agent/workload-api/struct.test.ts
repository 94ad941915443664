import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toStruct } from '../../../../src/agent/workload-api/struct.ts'
import { decodeMessage, encodeMessage } from '../../../../src/rpc/services.ts'

const throughTheWire = (json: Record<string, unknown>) =>
  (
    decodeMessage(
      'ValidateJWTSVIDResponse',
      encodeMessage('ValidateJWTSVIDResponse', { claims: toStruct(json) }),
    ) as { claims: { fields: Record<string, Record<string, unknown>> } }
  ).claims.fields

describe('toStruct', () => {
  it('carries every kind of JSON value', () => {
    const fields = throughTheWire({ s: 'x', n: 1.5, t: true, f: false, z: null, l: ['a', 1], o: { k: 'v' } })
    assert.equal(fields['s']?.['stringValue'], 'x')
    assert.equal(fields['n']?.['numberValue'], 1.5)
    assert.equal(fields['t']?.['boolValue'], true)
    assert.equal(fields['f']?.['boolValue'], false)
    assert.equal(fields['z']?.['kind'], 'nullValue')
    const list = fields['l']?.['listValue'] as { values: unknown[] } | undefined
    assert.equal(list?.values.length, 2)
    const nested = fields['o']?.['structValue'] as { fields: object } | undefined
    assert.deepEqual(Object.keys(nested?.fields ?? {}), ['k'])
  })
  it('is not confused by a claim named __proto__', () => {
    const claims = JSON.parse('{"__proto__": {"sub": "x"}, "constructor": 1}') as Record<string, unknown>
    assert.deepEqual(Object.keys(toStruct(claims).fields), ['constructor'])
  })
})
