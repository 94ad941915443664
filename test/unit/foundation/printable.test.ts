import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { printable, printableJson, printableLines } from '../../../src/foundation/printable.ts'

/** What a terminal or a line-oriented reader would obey. */
const HOSTILE: Readonly<Record<string, string>> = {
  'a line break': 'a\nb',
  'a carriage return': 'a\rb',
  'an escape sequence': '\u001b[2Ja',
  'an 8-bit escape sequence': '\u009b2Ja',
  'an operating system command': '\u001b]0;title\u0007',
  'a right-to-left override': 'a\u202eb',
  'an isolate': 'a\u2066b\u2069',
  'an Arabic letter mark': 'a\u061cb',
  'a line separator': 'a\u2028b',
  'a paragraph separator': 'a\u2029b',
  'a next line': 'a\u0085b',
  'a zero width space': 'a\u200bb',
  'a byte order mark': '\ufeffa',
  'a tag character': 'a\u{e0041}b',
  'a Hangul filler': 'a\u3164b',
  'a lone surrogate': 'a\ud800b',
  'a deletion': 'a\u007fb',
  'a null': 'a\u0000b',
}
const BAD = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u3164]/u

for (const [what, text] of Object.entries(HOSTILE)) {
  it(`shows ${what} as an escape`, () => {
    assert.doesNotMatch(printable(text), BAD)
    assert.match(printable(text), /\\/)
  })
  it(`writes ${what} in JSON as an equivalent escape`, () => {
    const json = printableJson(JSON.stringify({ text }))
    assert.doesNotMatch(json, BAD)
    assert.deepEqual(JSON.parse(json), { text })
  })
}

describe('printable', () => {
  it('leaves readable text alone', () => {
    for (const text of ['plain', 'größer', '日本語', 'עברית', '👍', 'a b  c'])
      assert.equal(printable(text), text)
  })
  it('keeps our own line breaks when told to', () => {
    assert.equal(printableLines('a\nb\u001bc\n'), 'a\nb\\x1bc\n')
    assert.equal(printableJson('{\n  "a": 1\n}'), '{\n  "a": 1\n}')
  })
})
