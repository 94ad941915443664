const CONTEXT = 3
/**
 * The comparison needs memory and time in proportion to the product of both lengths. Hand-written
 * documents are far shorter.
 */
const MAX_LINES = 2_000

interface Edit {
  readonly mark: ' ' | '-' | '+'
  readonly line: string
}

/** Unified diff of two texts; empty when they are the same. */
export function unifiedDiff(before: string, after: string, name: string): string {
  if (before === after) return ''
  const a = linesOf(before)
  const b = linesOf(after)
  const edits = a.length > MAX_LINES || b.length > MAX_LINES ? replaceAll(a, b) : compare(a, b)
  const header = `--- ${before === '' ? '/dev/null' : `${name} (stored)`}\n+++ ${name} (file)\n`
  return header + hunks(edits).join('')
}

function linesOf(text: string): string[] {
  if (text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}

function replaceAll(a: readonly string[], b: readonly string[]): Edit[] {
  return [
    ...a.map((line) => ({ mark: '-' as const, line })),
    ...b.map((line) => ({ mark: '+' as const, line })),
  ]
}

/**
 * Longest common subsequence, computed from the end so that the edits can be read off from the
 * beginning.
 */
function compare(a: readonly string[], b: readonly string[]): Edit[] {
  const width = b.length + 1
  const longest = new Uint16Array((a.length + 1) * width)
  const at = (i: number, j: number): number => longest[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const edits: Edit[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      edits.push({ mark: ' ', line: a[i] ?? '' })
      i++
      j++
    } else if (i < a.length && (j >= b.length || at(i + 1, j) >= at(i, j + 1))) {
      edits.push({ mark: '-', line: a[i++] ?? '' })
    } else {
      edits.push({ mark: '+', line: b[j++] ?? '' })
    }
  }
  return edits
}

function hunks(edits: readonly Edit[]): string[] {
  const changed = edits.flatMap(({ mark }, index) => (mark === ' ' ? [] : [index]))
  const found: string[] = []
  for (let from = 0; from < changed.length; ) {
    let to = from
    while (to + 1 < changed.length && (changed[to + 1] ?? 0) - (changed[to] ?? 0) <= 2 * CONTEXT) to++
    const start = Math.max(0, (changed[from] ?? 0) - CONTEXT)
    const end = Math.min(edits.length, (changed[to] ?? 0) + CONTEXT + 1)
    found.push(hunk(edits, start, end))
    from = to + 1
  }
  return found
}

function hunk(edits: readonly Edit[], start: number, end: number): string {
  const range = (without: '+' | '-'): string => {
    const before = edits.slice(0, start).filter(({ mark }) => mark !== without).length
    const length = edits.slice(start, end).filter(({ mark }) => mark !== without).length
    return `${length === 0 ? before : before + 1},${length}`
  }
  const lines = edits.slice(start, end).map(({ mark, line }) => `${mark}${line}\n`)
  return `@@ -${range('+')} +${range('-')} @@\n${lines.join('')}`
}
