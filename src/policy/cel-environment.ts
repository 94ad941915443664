import type { ASTNode, Environment } from '@marcbachmann/cel-js'
import { ATTESTOR_RECORDS, BotRecord, WorkloadRecord } from './cel-values.ts'
import { celLibrary } from './libraries.ts'
import { matchesRegularExpression } from './regular-expression.ts'

/**
 * The library's own `matches` backtracks and can take seconds on thirty characters. Calls are
 * renamed to this function before the type check.
 */
export const LINEAR_MATCHES = 'matchesRe2'

/** Built on first use, to keep start-up fast. */
let environment: Environment | undefined

/** The variables and functions that expressions may use, and the limits that keep them cheap. */
export function celEnvironment(): Environment {
  environment ??= createEnvironment()
  return environment
}

function createEnvironment(): Environment {
  const created = new (celLibrary().Environment)({
    limits: { maxAstNodes: 512, maxDepth: 32, maxListElements: 256, maxMapEntries: 64, maxCallArguments: 8 },
  })
  const workload: Record<string, string> = {}
  for (const [{ name, facts }, ctor] of ATTESTOR_RECORDS) {
    const type = `Attributes_${name}`
    const fields = Object.fromEntries(Object.entries(facts).map(([fact, { type }]) => [fact, type]))
    created.registerType(type, { ctor, fields })
    workload[name] = type
  }
  return created
    .registerType('WorkloadAttributes', { ctor: WorkloadRecord, fields: workload })
    .registerType('BotAttributes', {
      ctor: BotRecord,
      fields: { name: 'string', instance_id: 'string', traits: 'map<string, string>' },
    })
    .registerVariable('workload', 'WorkloadAttributes')
    .registerVariable('join', 'map<string, dyn>')
    .registerVariable('bot', 'BotAttributes')
    .registerFunction(`string.${LINEAR_MATCHES}(string): bool`, matchesRegularExpression)
}

/** Functions that neither build larger values nor depend on a clock, a time zone or a locale. */
export const ALLOWED_FUNCTIONS: ReadonlySet<string> = new Set([
  'has',
  'size',
  'int',
  'uint',
  'double',
  'string',
  'bool',
  'timestamp',
  'duration',
  'contains',
  'startsWith',
  'endsWith',
  'matches',
  LINEAR_MATCHES,
  'lowerAscii',
  'upperAscii',
  'trim',
  'substring',
  'indexOf',
  'lastIndexOf',
  'getFullYear',
  'getMonth',
  'getDayOfMonth',
  'getDayOfWeek',
  'getHours',
  'getMinutes',
  'getSeconds',
  'all',
  'exists',
  'exists_one',
  'map',
  'filter',
])

/** An AST node as the walk sees it. The library's types do not cover what its macros expand to. */
export interface Node {
  readonly op: string
  readonly args: unknown
  readonly input: string
  readonly range: { readonly start: number; readonly end: number }
  readonly checkedType?: { readonly name: string; readonly kind: string }
}

export function nodeOf(ast: ASTNode): Node {
  return ast as unknown as Node
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}
