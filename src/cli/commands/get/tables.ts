import { systemClock } from '../../../foundation/clock.ts'
import { formatInstant } from '../../../foundation/instant.ts'
import type { BotInstance__Output } from '../../../rpc/gen/signet/v1/BotInstance.ts'
import type { Resource__Output } from '../../../rpc/gen/signet/v1/Resource.ts'
import { formatTimestamp } from '../../instant.ts'
import { formatTable } from '../../output.ts'
import { allowInShort, inShort, type RuleInRole } from './rules-in-short.ts'

/** Tables of resources: for each kind what an operator wants to know at a glance. */

interface TableContext {
  readonly locks: readonly Resource__Output[]
  readonly instances: readonly BotInstance__Output[]
}

/** A resource as `apply` takes it. Of a later version it may be anything. */
interface Document {
  readonly metadata?: { readonly expires?: string }
  readonly spec?: Readonly<Record<string, unknown>>
}

interface TableRow {
  readonly resource: Resource__Output
  readonly spec: Readonly<Record<string, unknown>>
  readonly expires: string | undefined
  /** The effective lock on it by its name, or on its SPIFFE ID if that is no template. */
  readonly lock: string | undefined
  readonly agents: readonly BotInstance__Output[]
}

type Column = readonly [heading: string, cell: (row: TableRow) => string]

const NAME: Column = ['NAME', ({ resource }) => resource.name]
const UPDATED: Column = ['UPDATED', ({ resource }) => formatTimestamp(resource.updated) ?? '']
const EXPIRES: Column = ['EXPIRES', ({ expires }) => expires ?? 'never']

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  role: [
    NAME,
    ['ALLOW', ({ spec }) => kindsInShort(spec['allow'])],
    ['DENY', ({ spec }) => kindsInShort(spec['deny'])],
    ['MAX TTL', ({ spec }) => text(spec['max_ttl'] ?? 'none')],
    UPDATED,
  ],
  bot: [
    NAME,
    ['ROLES', ({ spec }) => texts(spec['roles']).join(', ') || 'none'],
    ['AGENTS', agentsOf],
    ['STATE', stateOf],
    UPDATED,
  ],
  join_token: [
    NAME,
    ['BOT', ({ spec }) => text(spec['bot'])],
    EXPIRES,
    ['USES LEFT', ({ resource, spec }) => `${usesLeft(resource, spec)} of ${maxUses(spec)}`],
    ['STATE', stateOfToken],
  ],
  workload_identity: [
    NAME,
    ['SPIFFE ID', ({ spec }) => text(spec['spiffe_id'])],
    ['ALLOW', ({ spec }) => allowInShort(spec['allow'] as RuleInRole[], spec['deny'] as RuleInRole[])],
    ['TTL', ({ spec }) => `${ttlOf(spec['x509'])}, jwt ${ttlOf(spec['jwt'])}`],
    ['STATE', stateOf],
  ],
  federation: [NAME, ['TRUST DOMAIN', ({ spec }) => text(spec['trust_domain'])], UPDATED],
  lock: [
    NAME,
    ['TARGET', ({ spec }) => targetOf(spec['target'])],
    ['REASON', ({ spec }) => text(spec['reason'])],
    EXPIRES,
    ['STATE', ({ expires }) => (isPast(expires) ? 'expired' : 'active')],
  ],
}

export function formatResources(
  kind: string,
  resources: readonly Resource__Output[],
  context: TableContext,
): string {
  const columns = COLUMNS[kind] ?? [NAME, UPDATED]
  const locked = locksByTarget(context.locks)
  const agents = Map.groupBy(context.instances, ({ bot }) => bot)
  const rows = resources
    .filter((resource) => resource.kind === kind)
    .map((resource) => {
      const { spec, expires } = read(resource)
      const lock =
        locked.get(`${kind} ${resource.name}`) ?? locked.get(`spiffe_id ${text(spec['spiffe_id'])}`)
      return { resource, spec, expires, lock, agents: agents.get(resource.name) ?? [] }
    })
  return formatTable(
    columns.map(([heading]) => heading),
    rows.map((row) => columns.map(([, cell]) => cell(row))),
  )
}

function read({ json }: Resource__Output): Pick<TableRow, 'spec' | 'expires'> {
  const { metadata, spec } = JSON.parse(json) as Document
  const expires = metadata?.expires === undefined ? undefined : formatInstant(Date.parse(metadata.expires))
  return { spec: spec ?? {}, expires }
}

/** The names of effective locks: `bot builder` → `stolen`. A SPIFFE ID is its path, as in identities. */
function locksByTarget(locks: readonly Resource__Output[]): ReadonlyMap<string, string> {
  const effective = locks.flatMap((lock) => {
    const { spec, expires } = read(lock)
    return isPast(expires)
      ? []
      : [[targetOf(spec['target']).replace(/ spiffe:\/\/[^/]+/, ' '), lock.name] as const]
  })
  return new Map(effective)
}

function isPast(expires: string | undefined): boolean {
  return expires !== undefined && Date.parse(expires) <= systemClock.now().getTime()
}

function stateOf({ lock }: TableRow): string {
  return lock === undefined ? 'active' : `locked by ${lock}`
}

function agentsOf({ agents }: TableRow): string {
  const connected = agents.filter((agent) => agent.connected).length
  return agents.length === 0 ? 'none' : `${agents.length}, ${connected} connected`
}

function stateOfToken(row: TableRow): string {
  if (isPast(row.expires)) return 'expired'
  if (usesLeft(row.resource, row.spec) === 0) return 'used up'
  return stateOf(row)
}

const maxUses = (spec: TableRow['spec']): number => Number(spec['max_uses'] ?? 1)

function usesLeft({ uses }: Resource__Output, spec: TableRow['spec']): number {
  return Math.max(0, maxUses(spec) - uses)
}

function ttlOf(section: unknown): string {
  return text((section as { ttl?: string } | undefined)?.ttl ?? 'default')
}

function targetOf(target: unknown): string {
  return Object.entries(target ?? {})
    .map(([kind, value]) => `${kind} ${text(value)}`)
    .join(', ')
}

/** `workload_identity ci-*` for each rule of a role. */
function kindsInShort(rules: unknown): string {
  const shown = (Array.isArray(rules) ? rules : []).map(({ kind, name, labels }) =>
    [text(kind), ...texts(name), ...Object.keys(labels ?? {}).map((label) => `${label}=…`)].join(' '),
  )
  return inShort(shown.join(' or ') || 'none')
}

function texts(value: unknown): string[] {
  return value === undefined ? [] : [value].flat().map(text)
}

function text(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
