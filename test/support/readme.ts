import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { RESOURCE_KINDS } from '../../src/config/resource-specs.ts'
import { auditEventTable, errorTable, logEventTable, metricTable } from './readme/from-sources.ts'
import {
  attestedAttributeTable,
  commandTable,
  configTable,
  exitCodeTable,
  kindTable,
  roleKindTable,
} from './readme/from-values.ts'
import { fillBlocks } from './readme/markdown.ts'
import { readSources } from './readme/sources.ts'

/** Writes the tables of README.md from the code, between their markers. With --check it only compares. */
const root = path.resolve(import.meta.dirname, '../..')
const readme = path.join(root, 'README.md')
const RESOURCES = ['metadata', ...RESOURCE_KINDS] as const

/** An example is a file that can be used as it is. */
const EXAMPLES = ['resources.yaml', 'authority.yaml', 'agent.yaml'].map((name) => `deploy/examples/${name}`)

const sources = readSources()
const tables = new Map([
  ['authority.yaml', configTable('authority.yaml')],
  ['agent.yaml', configTable('agent.yaml')],
  ...RESOURCES.map((name): [string, string] => [name, configTable(name)]),
  ...EXAMPLES.map((name): [string, string] => [`file:${name}`, fenced(name)]),
  ['role-kinds', roleKindTable()],
  ['unix-attributes', attestedAttributeTable()],
  ['commands', await commandTable()],
  ['exit-codes', exitCodeTable(sources)],
  ['kinds', kindTable()],
  ['errors', errorTable(sources)],
  ['metrics', metricTable(sources)],
  ['log-events', logEventTable(sources)],
  ['audit-events', auditEventTable(sources)],
])

function fenced(name: string): string {
  return `\`\`\`yaml\n${readFileSync(path.join(root, name), 'utf8').trimEnd()}\n\`\`\``
}

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
