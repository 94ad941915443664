import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findBundleFiles, putBundleFiles } from '../../../src/config/bundle-files.ts'
import { readDocuments } from '../../../src/config/document.ts'

const TEXT = `kind: federation
spec:
  bundle:
    path: one.json   # beside

  trust_domain: x
---
kind: federation
spec: { bundle: { path: "/abs/two.json" }, trust_domain: y }
---
kind: federation
spec:
  bundle:
    { path:
       three.json }
  trust_domain: z
`

describe('the files that federations name', () => {
  it('are found with their lines, relative to the directory of the text', () => {
    assert.deepEqual(
      findBundleFiles(TEXT, '/dir').map(({ path, line }) => [path, line]),
      [
        ['/dir/one.json', 4],
        ['/abs/two.json', 9],
        ['/dir/three.json', 14],
      ],
    )
  })

  it('are put in place, and every other line stays where it was', () => {
    const contents = ['{"a": "\\"x\\"\\n"}', 'a: [\n\t\u0001"', "'---'\n# no comment"]
    const put = putBundleFiles(TEXT, findBundleFiles(TEXT, '/dir'), contents)
    const { documents, problems } = readDocuments(put, 'f.yaml')
    assert.deepEqual(problems, [])
    assert.deepEqual(
      documents.map(({ value }) => (value as { spec: { bundle: string } }).spec.bundle),
      contents,
    )
    const before = readDocuments(TEXT, 'f.yaml').documents
    for (const [index, document] of documents.entries()) {
      assert.equal(document.line(['spec', 'trust_domain']), before[index]?.line(['spec', 'trust_domain']))
    }
    assert.equal(put.split('\n').length, TEXT.split('\n').length)
  })

  for (const text of [
    'kind: role\nspec: { bundle: { path: x } } # federation',
    'kind: federation\nspec: { bundle: { path: x, keys: [] } }',
    'kind: federation\nspec: { bundle: { path: 7 } }',
    'kind: federation\nspec: { bundle: "path" }',
    'kind: federation\nspec: { path: [',
    'kind: federation\nspec: path',
  ]) {
    it(`are none in ${JSON.stringify(text)}`, () => {
      assert.deepEqual(findBundleFiles(text, '/dir'), [])
      assert.equal(putBundleFiles(text, [], []), text)
    })
  }
})
