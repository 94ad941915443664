import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { readDocument } from '../../tools/documents/read.ts'

const root = path.resolve(import.meta.dirname, '../..')

/** Number → file. */
const pages = new Map(
  globSync('docs/decisions/[0-9]*.md', { cwd: root }).map((name) => [path.basename(name).slice(0, 4), name]),
)

/** Number → the files of the code that cite it. A comment may break its line before the number. */
const citations = new Map<string, string[]>()
for (const name of globSync(['{src,bin,tools}/**/*.{ts,js}', 'proto/**/*.proto'], { cwd: root })) {
  const text = readFileSync(path.join(root, name), 'utf8')
  for (const [, number = ''] of text.matchAll(/\bdecision\s(?:\s*(?:\*|\/\/)\s)?(\d{4})\b/g)) {
    citations.set(number, [...(citations.get(number) ?? []), name])
  }
}

describe('decisions', () => {
  it('exist where the code cites them', () => {
    const unknown = [...citations].filter(([number]) => !pages.has(number))
    assert.deepEqual(unknown, [])
  })

  it('are cited by number only, never as a chapter of a design', () => {
    const sources = globSync('{src,bin,tools}/**/*.{ts,js}', { cwd: root })
    const old = sources.filter((name) => /\(design\b/.test(readFileSync(path.join(root, name), 'utf8')))
    assert.deepEqual(old, [])
  })

  for (const [number, name] of pages) {
    const text = readDocument(name)

    it(`${number} is cited in the code, or says why not`, () => {
      assert.notEqual(citations.has(number), /^Not cited in the code: \S/m.test(text))
    })

    it(`${number} has its number, its context, its decision and what follows`, () => {
      const headings = Array.from(text.matchAll(/^#+ (.*)$/gm), ([line]) => line)
      assert.match(headings[0] ?? '', new RegExp(`^# ${number}: \\S`))
      assert.deepEqual(headings.slice(1), ['## Context', '## Decision', '## What follows'])
    })

    it(`${number} is in the index under its title`, () => {
      const [, title = ''] = /^# \d{4}: (.*)$/m.exec(text) ?? []
      assert.ok(readDocument('docs/decisions/README.md').includes(`[${title}](${path.basename(name)})`))
    })
  }
})
