/** Reads CHANGELOG.md, which has the format of Keep a Changelog. */

interface Section {
  /** `Unreleased`, or a version. */
  readonly version: string
  readonly date: string | undefined
  readonly body: string
}

const HEADING = /^## \[([^\]]+)\](?: - (\S+))?$/
const VERSION = /^\d+\.\d+\.\d+$/
const KINDS = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']

export function sectionsOf(text: string): readonly Section[] {
  return text
    .split(/^(?=## )/m)
    .slice(1)
    .map((part) => {
      const [heading = '', ...rest] = part.split('\n')
      const [, version = heading, date] = HEADING.exec(heading) ?? []
      return { version, date, body: rest.join('\n').trim() }
    })
}

/** Returns the deviations from the format. */
export function mistakesIn(text: string): readonly string[] {
  const sections = sectionsOf(text)
  const [first, ...released] = sections
  return [
    ...(first?.version === 'Unreleased' ? [] : ['the first section is not [Unreleased]']),
    ...released.flatMap(({ version, date }) => {
      if (!VERSION.test(version)) return [`${version} is not a version`]
      return isDate(date) ? [] : [`${version} has no date`]
    }),
    ...released.flatMap(({ version }, at) => {
      const older = released[at + 1]?.version
      return VERSION.test(version) && VERSION.test(older ?? '') && !isNewer(version, older ?? '')
        ? [`${version} stands above ${older}`]
        : []
    }),
    ...sections.flatMap(({ version, body }) => {
      const kinds = Array.from(body.matchAll(/^### (.*)$/gm), ([, kind = '']) => kind)
      const inOrder = KINDS.filter((kind) => kinds.includes(kind))
      return kinds.join() === inOrder.join()
        ? []
        : [`${version}: its parts are not ${KINDS.join(', ')}, in this order`]
    }),
  ]
}

const isDate = (text: string | undefined): boolean =>
  text !== undefined && new Date(`${text}T00:00:00Z`).toJSON()?.slice(0, 10) === text

function isNewer(one: string, other: string): boolean {
  const [left, right] = [one, other].map((version) => version.split('.').map(Number))
  const differs = left?.findIndex((number, at) => number !== right?.[at]) ?? -1
  return differs >= 0 && (left?.[differs] ?? 0) > (right?.[differs] ?? 0)
}
