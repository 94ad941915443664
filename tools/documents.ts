import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { RESOURCE_KINDS } from '../src/config/resource-specs.ts'
import { auditEventTable, errorTable, logEventTable, metricTable } from './documents/from-sources.ts'
import {
  attestedAttributeTable,
  commandTable,
  configTable,
  exitCodeTable,
  kindTable,
  roleKindTable,
} from './documents/from-values.ts'
import { fillBlocks } from './documents/markdown.ts'
import { readDocument, readDocuments } from './documents/read.ts'
import { readSources } from './documents/sources.ts'

/**
 * Writes generated tables and examples between the markers of the documents. With --check it only
 * compares.
 */
const root = path.resolve(import.meta.dirname, '..')
const RESOURCES = ['metadata', ...RESOURCE_KINDS] as const

/** Examples are complete files that can be used as they are. */
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
  return `\`\`\`yaml\n${readDocument(name).trimEnd()}\n\`\`\``
}

const documents = new Map(readDocuments().map(({ name, text }) => [name, text]))
const filled = fillBlocks(documents, tables)
const changed = [...filled].filter(([name, text]) => documents.get(name) !== text)
if (!process.argv.includes('--check')) {
  for (const [name, text] of changed) writeFileSync(path.join(root, name), text)
} else if (changed.length > 0) {
  const names = changed.map(([name]) => name).join(', ')
  process.stderr.write(`tables are not what the code says: ${names}; run npm run generate\n`)
  process.exitCode = 1
}
