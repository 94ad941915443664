/** More changes than this are no slip of the fingers. */
const MAX_CHANGES = 2

/** The known word that a mistyped one may mean; capitals do not matter. */
function nearest(word: string, known: readonly string[]): string | undefined {
  const letters = word.toLowerCase()
  const max = Math.min(MAX_CHANGES, Math.floor(word.replaceAll('-', '').length / 2))
  const near = known
    .filter((each) => Math.abs(each.length - word.length) <= max)
    .map((each) => ({ each, changes: changesBetween(letters, each.toLowerCase()) }))
    .filter(({ changes }) => changes <= max)
    .sort((a, b) => a.changes - b.changes)
  return near[0]?.each
}

/** How many letters are added, left out, replaced or swapped with the next (optimal string alignment). */
function changesBetween(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1]
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const ways = [
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        ...(isSwapped ? [(beforeLast[column - 2] ?? 0) + 1] : []),
      ]
      current.push(Math.min(...ways))
    }
    beforeLast = last
    last = current
  }
  return last[to.length] ?? 0
}

/** `did you mean lock?`, as the end of a sentence; empty when nothing is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const instead = nearest(word, known)
  return instead === undefined ? '' : `: did you mean ${instead}?`
}
