import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { readDocument, readDocuments } from '../../tools/documents/read.ts'

const root = path.resolve(import.meta.dirname, '../..')

/** Code → the files whose classes have it. */
function owners(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const file of globSync(`${root}/src/**/*.ts`)) {
    for (const [, code = ''] of readFileSync(file, 'utf8').matchAll(/readonly code = '(ERR_[A-Z0-9_]+)'/g)) {
      found.set(code, [...(found.get(code) ?? []), path.relative(root, file)])
    }
  }
  return found
}

describe('error codes', () => {
  const reference = readDocument('docs/reference/errors.md')
  const documents = readDocuments().map(({ text }) => text)
  for (const [code, files] of owners()) {
    it(`${code} belongs to one class`, () => assert.deepEqual(files, files.slice(0, 1)))
    it(`${code} is in the reference`, () => assert.ok(reference.includes(`</a>\`${code}\` |`)))
  }
  const known = owners()
  const named = documents.flatMap((text) => text.match(/\bERR_[A-Z0-9_]+\b/g) ?? [])
  for (const code of new Set(named)) {
    it(`${code}, which the documents name, exists`, () => assert.ok(known.has(code)))
  }
})
