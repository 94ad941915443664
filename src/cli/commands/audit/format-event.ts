import { formatInstant } from '../../../foundation/instant.ts'
import { printable, UNPRINTABLE } from '../../../foundation/printable.ts'
import type { AuditEvent__Output } from '../../../rpc/gen/signet/v1/AuditEvent.ts'
import { formatSeconds, formatTimestamp, parseInstant } from '../../instant.ts'

/**
 * Audit events in columns, for people. Events are printed as they come, so the columns have the width
 * that is usual, and a longer cell moves the rest of its line.
 */

const COLUMNS = [
  { heading: 'NUMBER', width: 6 },
  { heading: 'TIME', width: 20 },
  { heading: 'EVENT', width: 22 },
  { heading: 'ACTOR', width: 22 },
  { heading: 'DETAIL', width: 0 },
] as const

const MAX_SHOWN_LENGTH = 4_096
/** A manipulated record may be nested without end. */
const MAX_DEPTH = 8

export const EVENT_HEADING = row(COLUMNS.map(({ heading }) => heading))

export function formatEvent({ sequence, time, event, actor, ref, detailJson }: AuditEvent__Output): string {
  const facts = [...(ref ? [`ref=${word(ref)}`] : []), ...factsOf(detailJson)]
  return row([sequence.padStart(6), formatTimestamp(time) ?? '', event, actor, facts.join(' ')])
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, at) => printable(cell).padEnd(COLUMNS[at]?.width ?? 0))
    .join('  ')
    .trimEnd()
}

function factsOf(detailJson: string): string[] {
  try {
    return [...flatten(JSON.parse(detailJson || '{}'), '', 0)]
  } catch {
    return [`unreadable=${word(detailJson.slice(0, MAX_SHOWN_LENGTH))}`]
  }
}

function* flatten(value: unknown, name: string, depth: number): Generator<string> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && depth < MAX_DEPTH) {
    for (const [key, inner] of Object.entries(value)) {
      yield* flatten(inner, name === '' ? word(key) : `${name}.${word(key)}`, depth + 1)
    }
  } else yield `${name}=${shown(name, value)}`
}

/** Times in the one form of all commands, whatever the record has. */
function shown(name: string, value: unknown): string {
  const last = name.slice(name.lastIndexOf('.') + 1)
  if (typeof value === 'number') {
    if (last.endsWith('Ms')) return formatInstant(value)
    return last === 'notAfter' ? formatSeconds(value) : String(value)
  }
  if (typeof value !== 'string') {
    const isPlain = Array.isArray(value) && value.every((each) => typeof each !== 'object')
    return isPlain ? value.map((each) => word(String(each))).join(',') || '(none)' : JSON.stringify(value)
  }
  const instant = parseInstant(value)
  return instant === undefined ? word(value) : formatInstant(instant)
}

/** In quotes when it could be read as something else. */
function word(text: string): string {
  return text === '' || /[\s"=,]/.test(text) || UNPRINTABLE.test(text) ? JSON.stringify(text) : text
}
