import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readDocuments } from '../../../src/config/document.ts'

describe('readDocuments', () => {
  const deep: readonly (readonly [string, string])[] = [
    ['lists', `a: ${'['.repeat(40)}${']'.repeat(40)}`],
    ['more lists than the library can follow', `a: ${'['.repeat(5_000)}${']'.repeat(5_000)}`],
    ['mappings', `${'{a: '.repeat(3_000)}1${'}'.repeat(3_000)}`],
    ['lines', Array.from({ length: 1_500 }, (_, n) => `${' '.repeat(n)}a:`).join('\n')],
    ['a document that contains itself', 'a: &a [*a, *a, *a, *a]'],
  ]
  for (const [what, text] of deep) {
    it(`reports ${what} as nested too deeply`, () => {
      const { documents, problems } = readDocuments(text, 'x.yaml')
      assert.deepEqual(documents, [])
      assert.ok(problems.length > 0)
      for (const problem of problems) assert.match(problem, /^x\.yaml:\d+: nested deeper than 32 levels$/)
    })
  }

  it('reads what is as deep as any of our documents', () => {
    const { documents, problems } = readDocuments(`a: ${'['.repeat(30)}${']'.repeat(30)}`, 'x.yaml')
    assert.deepEqual([documents.length, problems], [1, []])
  })
})
