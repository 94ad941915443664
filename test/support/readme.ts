import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { auditEventTable, errorTable, logEventTable, metricTable } from './readme/from-sources.ts'
import {
  commandTable,
  configTable,
  exitCodeTable,
  kindTable,
  roleKindTable,
  unixAttributeTable,
} from './readme/from-values.ts'
import { fillBlocks } from './readme/markdown.ts'
import { readSources } from './readme/sources.ts'

/** Writes the tables of README.md from the code, between their markers. With --check it only compares. */
const readme = path.resolve(import.meta.dirname, '../../README.md')
const RESOURCES = ['metadata', 'role', 'bot', 'join_token', 'workload_identity', 'lock'] as const

const sources = readSources()
const tables = new Map([
  ['authority.yaml', configTable('authority.yaml')],
  ['agent.yaml', configTable('agent.yaml')],
  ...RESOURCES.map((name): [string, string] => [name, configTable(name)]),
  ['role-kinds', roleKindTable()],
  ['unix-attributes', unixAttributeTable()],
  ['commands', await commandTable()],
  ['exit-codes', exitCodeTable(sources)],
  ['kinds', kindTable()],
  ['errors', errorTable(sources)],
  ['metrics', metricTable(sources)],
  ['log-events', logEventTable(sources)],
  ['audit-events', auditEventTable(sources)],
])

const text = readFileSync(readme, 'utf8')
const filled = fillBlocks(text, tables)
if (process.argv.includes('--check')) {
  if (filled !== text) {
    process.stderr.write(
      'the tables of README.md are not what the code says; run node test/support/readme.ts\n',
    )
    process.exitCode = 1
  }
} else if (filled !== text) writeFileSync(readme, filled)
