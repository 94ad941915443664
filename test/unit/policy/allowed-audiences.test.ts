import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AllowedAudiences } from '../../../src/policy/allowed-audiences.ts'
import { Problems } from '../../../src/policy/problem.ts'

function allows(spec: unknown, audience: string): boolean {
  const problems = new Problems()
  const compiled = AllowedAudiences.compile(spec, [], problems)
  assert.deepEqual(problems.list, [])
  return compiled?.refusalOf([audience]) === undefined
}

describe('a glob of allowed audiences', () => {
  const glob = { glob: 'https://*.example.org' }
  it('matches hosts', () => {
    for (const audience of ['https://a.example.org', 'https://a.b.example.org'])
      assert.ok(allows(glob, audience), audience)
  })
  for (const audience of [
    'https://evil.test/.example.org',
    'https://evil.test?.example.org',
    'https://evil.test#.example.org',
    'https://evil.test\\.example.org',
    'https://user@.example.org',
    'https://evil.test?@a.example.org',
  ]) {
    it(`does not match past the delimiter in ${audience}`, () => assert.ok(!allows(glob, audience)))
  }
  it('may contain the delimiters itself', () => {
    assert.ok(allows({ glob: 'https://a/*?b=*' }, 'https://a/x?b=1'))
    assert.ok(!allows({ glob: 'https://a/*?b=*' }, 'https://a/x?b=1#c'))
    assert.ok(allows({ glob: 'https://a/**' }, 'https://a/x?y#z'))
    assert.ok(allows({ glob: '*' }, 'vault') && !allows({ glob: '*' }, 'a@b'))
  })
})
