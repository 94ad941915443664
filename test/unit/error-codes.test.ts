import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'

const root = path.resolve(import.meta.dirname, '../..')

/** code → the files whose classes carry it. */
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
  const readme = readFileSync(`${root}/README.md`, 'utf8')
  for (const [code, files] of owners()) {
    it(`${code} belongs to one class`, () => assert.deepEqual(files, files.slice(0, 1)))
    it(`${code} is in README.md`, () => assert.ok(readme.includes(`\`${code}\``)))
  }
  for (const [, code = ''] of readme.matchAll(/`(ERR_[A-Z0-9_]+)`/g)) {
    it(`${code} of README.md exists`, () => assert.ok(owners().has(code)))
  }
})
