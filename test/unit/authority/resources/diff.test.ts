import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { unifiedDiff } from '../../../../src/authority/resources/diff.ts'

describe('unifiedDiff', () => {
  it('is empty for equal texts', () => {
    assert.equal(unifiedDiff('a\nb\n', 'a\nb\n', 'x'), '')
  })
  it('shows a changed line with its context', () => {
    const before = ['1', '2', '3', '4', '5', '6', '7', '8', '9', ''].join('\n')
    const diff = unifiedDiff(before, before.replace('5', 'five'), 'role/ci')
    assert.equal(
      diff,
      '--- role/ci (stored)\n+++ role/ci (file)\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n',
    )
  })
  it('shows a new text as all added', () => {
    assert.equal(unifiedDiff('', 'a\n', 'x'), '--- /dev/null\n+++ x (file)\n@@ -0,0 +1,1 @@\n+a\n')
  })
  it('replaces long texts as a whole, without searching for common lines', () => {
    const long = `${'line\n'.repeat(5000)}`
    const diff = unifiedDiff(long, `${long}one more\n`, 'x')
    assert.equal(diff.match(/^-line$/gm)?.length, 5000)
    assert.equal(diff.match(/^\+line$/gm)?.length, 5000)
    assert.match(diff, /^\+one more$/m)
  })
  it('makes two hunks of changes that are far apart', () => {
    const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`)
    const after = lines.with(2, 'x').with(25, 'y')
    assert.equal(unifiedDiff(lines.join('\n'), after.join('\n'), 'x').match(/^@@/gm)?.length, 2)
  })
})
