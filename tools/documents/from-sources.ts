import { code, formatTable } from './markdown.ts'
import { firstSentence, programOf, type SourceFile } from './sources.ts'

/** Tables of what can be found in the source text by its uniform form. */

const ERROR_CLASS =
  /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?(?:export )?class \w+ extends CodedError \{((?:(?!\n\})[\s\S])*)/g

export function errorTable(files: readonly SourceFile[]): string {
  const rows = files.flatMap(({ name, text }) =>
    [...text.matchAll(ERROR_CLASS)].map(([, comment = '', body = '']) => {
      const errorCode = /readonly code = '(ERR_\w+)'/.exec(body)?.[1]
      if (errorCode === undefined || comment === '')
        throw new Error(`${name}: an error without a code or a comment`)
      return [
        `<a id="${errorCode.toLowerCase()}"></a>${code(errorCode)}`,
        /readonly kind = '(\w+)'/.exec(body)?.[1] ?? 'by the gRPC status',
        firstSentence(comment),
      ]
    }),
  )
  return formatTable(['code', 'kind', 'what it says'], rows.sort(byFirst))
}

const METRIC = /\.(counter|gauge|collected|histogram)\(\s*'(\w+)',\s*'((?:[^'\\]|\\.)+)',?([^)]*)/g

export function metricTable(files: readonly SourceFile[]): string {
  const rows = files.flatMap(({ name, text }) =>
    [...text.matchAll(METRIC)].map(([, type = '', metric = '', help = '', rest = '']) => {
      const given =
        type === 'collected'
          ? text.matchAll(/labels: \{ (\w+)/g)
          : (/\[([^\]]*)\]/.exec(rest)?.[1] ?? '').matchAll(/'(\w+)'/g)
      const labels = [...new Set(Array.from(given, ([, label = '']) => label))]
      const prefix = metric.startsWith('process_') ? '' : 'signet_'
      const shown = `${prefix}${metric}${labels.length > 0 ? `{${labels.join(',')}}` : ''}`
      return [code(shown), type === 'collected' ? 'gauge' : type, programOf(name), help]
    }),
  )
  return formatTable(['metric', 'type', 'program', 'what it says'], rows.sort(byFirst))
}

/** `logger.warn({ event: 'x', … }, 'message')`; the level may be computed. */
const LOG_LINE =
  /logger(?:\.(\w+)|\[\w+\])\(\s*\{\s*event: '([\w.]+)'[^\n]*?(?:\n(?:(?!\n\s*\},)[\s\S])*?\n?\s*)?\},?\s*\n?\s*((?:'(?:[^'\\]|\\.)*'|`[^`]*`|[^,()\n]+))/g

/** `const event = c ? 'x' : 'y'`, and below it `logger.info({ event, … }, 'message')`. */
const CHOSEN_LOG_LINE =
  /const event = [^\n]*'([\w.]+)' : '([\w.]+)'\n[\s\S]{0,400}?logger\.(\w+)\(\{ event,[^\n]*\}, '([^']+)'\)/g

export function logEventTable(files: readonly SourceFile[]): string {
  const cells = new Map<string, readonly string[]>()
  const add = (event: string, level: string, program: string, message: string): void => {
    if (level === 'debug' || level === 'trace') return
    const said = message
      .trim()
      .replace(/^['`]|['`]$/g, '')
      .replaceAll(/\$\{[^}]*\}/g, '…')
    cells.set([event, said, program].join(' '), [code(event), level, program, said])
  }
  for (const { name, text } of files) {
    for (const [, level = 'warn', event = '', message = ''] of text.matchAll(LOG_LINE)) {
      add(event, level, programOf(name), message)
    }
    for (const [, one = '', other = '', level = '', message = ''] of text.matchAll(CHOSEN_LOG_LINE)) {
      for (const event of [one, other]) add(event, level, programOf(name), message)
    }
  }
  return formatTable(['event', 'level', 'program', 'message'], [...cells.values()].sort(byFirst))
}

const INTERFACE = /interface (\w+)(?: extends (\w+))? \{([\s\S]*?)\n\}/g
const FIELD = /readonly (\w+)(\??):/g

/**
 * The audit events are defined by one interface. Types of their details may be elsewhere in the
 * same file.
 */
export function auditEventTable(files: readonly SourceFile[]): string {
  const text = files.find(({ name }) => name === 'authority/audit/events.ts')?.text ?? ''
  const interfaces = new Map(
    Array.from(text.matchAll(INTERFACE), ([, name = '', base = '', body = '']) => [name, { base, body }]),
  )
  const fieldsOf = (name: string): string[] => {
    const found = interfaces.get(name)
    return found ? [...fieldsOf(found.base), ...fieldsIn(found.body)] : []
  }
  const body = interfaces.get('AuditEvents')?.body ?? ''
  const events = body.split(/^ {2}'/m).slice(1)
  if (events.length === 0) throw new Error('no audit events found')
  const rows = events.map((entry) => {
    const [event = '', rest = ''] = entry.split(/':(.*)/s)
    const named = [...interfaces.keys()].filter((name) => new RegExp(`\\b${name}\\b`).test(rest))
    return [code(event), [...named.flatMap(fieldsOf), ...fieldsIn(rest)].join(', ')]
  })
  return formatTable(['event', 'what its detail holds'], rows)
}

const fieldsIn = (text: string): string[] =>
  Array.from(text.matchAll(FIELD), ([, name = '', optional = '']) => name + optional)

const byFirst = (left: readonly string[], right: readonly string[]): number =>
  (left[0] ?? '') < (right[0] ?? '') ? -1 : 1
