import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatReference, parseReference } from '../../../../src/authority/audit/reference.ts'

describe('parseReference', () => {
  const reference = formatReference(Buffer.from('0123456789', 'hex'))
  for (const text of [reference, reference.toLowerCase(), reference.replace('-', ''), ` ${reference} `]) {
    it(`reads ${JSON.stringify(text)}`, () => {
      assert.equal(parseReference(text), reference)
    })
  }
  it('reads letters as the digits that they look like', () => {
    assert.equal(parseReference('oOiI-lL01'), '0011-1101')
  })
})
