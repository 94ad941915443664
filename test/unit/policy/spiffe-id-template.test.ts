import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SpiffeIdTemplate } from '../../../src/policy/spiffe-id-template.ts'

describe('whether a template may render a SPIFFE ID', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['/web', '/web', true],
    ['/web', '/web2', false],
    ['/u/{{ workload.unix.user }}', '/u/ann', true],
    ['/u/{{ workload.unix.user }}', '/u/ann/x', false],
    ['/u/{{ workload.unix.user }}', '/v/ann', false],
    ['/a-{{ workload.unix.uid }}-z/x', '/a-7-z/x', true],
    ['/a-{{ workload.unix.uid }}-z/x', '/a-7/x', false],
    ['/aa{{ workload.unix.uid }}aa', '/aaa', false],
  ]
  for (const [template, path, expected] of cases) {
    it(`${template}: ${path} ${expected ? 'may be' : 'cannot be'}`, () => {
      const compiled = SpiffeIdTemplate.compile(template, 'example.org')
      assert.equal(compiled.mayRender(`spiffe://example.org${path}`), expected)
      assert.equal(compiled.mayRender(`spiffe://other.org${path}`), false)
    })
  }
})
