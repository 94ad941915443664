import assert from 'node:assert/strict'
import { it } from 'node:test'
import { parse } from 'yaml'
import { formatResource } from '../../../src/config/format-resource.ts'

it('writes what would control a terminal as escapes, and reads the same back', () => {
  const spec = {
    'bidi \u202e key': 'plain',
    list: ['tab\there', 'esc \u001b[2J and\na line', 'tag \u{e0041}', 'next \u0085 line', 'several\nlines\n'],
  }
  const yaml = formatResource('bot', 'a', { labels: { env: '\u2066staging\u2069' } }, spec)
  assert.doesNotMatch(yaml, /(?!\n)[\p{Cc}\p{Cf}]/u)
  assert.deepEqual(parse(yaml).spec, spec)
  assert.equal(parse(yaml).metadata.labels.env, '\u2066staging\u2069')
})
