import { COMMANDS, loadCommand } from '../../src/cli/command-catalogue.ts'
import { ExitCode, exitCodeOf } from '../../src/cli/exit-codes.ts'
import { configReference, RELOADABLE, type ReferenceName } from '../../src/config/config-reference.ts'
import { CodedError, type ErrorKind } from '../../src/foundation/errors.ts'
import { ATTESTORS } from '../../src/policy/attributes/registry.ts'
import { ROLE_KINDS, UNSUPPORTED_KINDS } from '../../src/policy/role-kinds.ts'
import { StatusCode, toStatus } from '../../src/rpc/status.ts'
import { code, formatTable } from './markdown.ts'
import { firstSentence, type SourceFile } from './sources.ts'

/** Tables of values that can be imported from the code. */

export function configTable(name: ReferenceName): string {
  const reloadable = RELOADABLE[name]
  const rows = configReference(name).map(({ key, type, default: fallback, required, description }) => [
    code(key),
    type,
    required ? 'required' : code(fallback ?? ''),
    ...(reloadable === undefined ? [] : [reloadable.includes(key) ? 'start, SIGHUP' : 'start']),
    description,
  ])
  const readAt = reloadable === undefined ? [] : ['read at']
  return formatTable(['key', 'type', 'default', ...readAt, 'meaning'], rows)
}

export async function commandTable(): Promise<string> {
  const rows: string[][] = []
  for (const entry of COMMANDS) {
    const [example = ''] = (await loadCommand(entry)).examples
    rows.push([code(entry.path.join(' ')), entry.summary, code(example)])
  }
  return formatTable(['command', 'what it does', 'example'], rows)
}

class Sample extends CodedError {
  override readonly name = 'Sample'
  readonly code = 'ERR_SAMPLE'
  readonly kind: ErrorKind
  constructor(kind: ErrorKind) {
    super('sample')
    this.kind = kind
  }
}

const KINDS = {
  invalid_argument: null,
  unauthenticated: null,
  permission_denied: null,
  not_found: null,
  already_exists: null,
  failed_precondition: null,
  unavailable: null,
  resource_exhausted: null,
  unimplemented: null,
  internal: null,
} as const satisfies Record<ErrorKind, null>

export function exitCodeTable(files: readonly SourceFile[]): string {
  const text = files.find(({ name }) => name === 'cli/exit-codes.ts')?.text ?? ''
  const kinds = Object.keys(KINDS) as ErrorKind[]
  const rows = Object.entries(ExitCode).map(([name, value]) => {
    const [, comment] = new RegExp(`/\\*\\* ([^*]*) \\*/\\s*${name}:`).exec(text) ?? []
    if (comment === undefined) throw new Error(`exit-codes.ts: ${name} has no comment`)
    const its = kinds.filter((kind) => exitCodeOf(new Sample(kind)) === value)
    return [String(value), firstSentence(comment), its.join(', ')]
  })
  return formatTable(['exit code', 'meaning', 'kinds of errors'], rows)
}

export function kindTable(): string {
  const names = new Map<number, string>(Object.entries(StatusCode).map(([name, value]) => [value, name]))
  const rows = (Object.keys(KINDS) as ErrorKind[]).map((kind) => {
    const error = new Sample(kind)
    const status = toStatus(error).code
    return [kind, `${status} ${names.get(status)}`, String(exitCodeOf(error))]
  })
  return formatTable(['kind', 'gRPC status', 'exit code'], rows)
}

export function roleKindTable(): string {
  const rows = Object.entries(ROLE_KINDS).map(([kind, keys]) => [code(kind), keys.map(code).join(', ')])
  const unsupported = [...UNSUPPORTED_KINDS].map(code).join(', ')
  const table = formatTable(['kind', 'keys besides `name` and `labels`'], rows)
  return `${table}\n\nNot supported by this version: rules for ${unsupported}, and \`verbs\` in any rule.`
}

export function attestedAttributeTable(): string {
  const rows = ATTESTORS.flatMap(({ name, facts }) =>
    Object.entries(facts).map(([fact, { type, meaning }]) => [
      code(`workload.${name}.${fact}`),
      type,
      meaning,
    ]),
  )
  return formatTable(['attribute', 'type', 'meaning'], rows)
}
