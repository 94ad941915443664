import type { AttestorAttributes } from './attributes/fact.ts'
import { ATTESTORS } from './attributes/registry.ts'
import type { Attributes, AttributeValue } from './attributes.ts'
import { ExpressionInvalidError } from './problem.ts'

/** A list (of groups, for instance) longer than this would let a caller make expressions slow. */
const MAX_LIST_LENGTH = 4096
const MAX_TREE_DEPTH = 16

/** Classes, because the type checker binds the declared fields of a record to a constructor. */
export class WorkloadRecord {}
export class BotRecord {}
/** One class per attestor. */
export const ATTESTOR_RECORDS: ReadonlyMap<AttestorAttributes, new () => object> = new Map(
  ATTESTORS.map((attestor) => [attestor, class {}]),
)

export type CelContext = Readonly<Record<string, unknown>>

/** Converts an attribute tree for CEL: whole numbers become 64-bit integers, open trees become maps. */
export function toCelContext(attributes: Attributes): CelContext {
  const workload = new WorkloadRecord()
  for (const [{ name, facts }, AttestorRecord] of ATTESTOR_RECORDS) {
    const found = child(attributes, 'workload', name)
    const record = new AttestorRecord()
    for (const fact of Object.keys(facts)) set(record, fact, child(found, fact))
    Object.assign(workload, { [name]: record })
  }
  const bot = new BotRecord()
  set(bot, 'name', child(attributes, 'bot', 'name'))
  set(bot, 'instance_id', child(attributes, 'bot', 'instance_id'))
  set(bot, 'traits', child(attributes, 'bot', 'traits') ?? {})
  return {
    workload,
    join: toCel(child(attributes, 'join') ?? {}, 0),
    bot,
  }
}

function set(record: object, name: string, value: AttributeValue | undefined): void {
  if (value !== undefined) Object.assign(record, { [name]: toCel(value, 0) })
}

function child(value: AttributeValue | undefined, ...names: readonly string[]): AttributeValue | undefined {
  for (const name of names) {
    if (typeof value !== 'object' || Array.isArray(value) || !Object.hasOwn(value, name)) return undefined
    value = (value as Attributes)[name]
  }
  return value
}

function toCel(value: AttributeValue | null, depth: number): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isSafeInteger(value) ? BigInt(value) : value
    case 'object': {
      if (value === null || depth > MAX_TREE_DEPTH) return undefined
      if (Array.isArray(value)) {
        if (value.length > MAX_LIST_LENGTH) {
          throw new ExpressionInvalidError(`an attribute is a list of more than ${MAX_LIST_LENGTH} values`)
        }
        return value.map((item) => toCel(item, depth + 1))
      }
      const map = new Map<string, unknown>()
      for (const [name, inner] of Object.entries(value as Attributes)) {
        const converted = toCel(inner, depth + 1)
        if (converted !== undefined) map.set(name, converted)
      }
      return map
    }
    default:
      return value
  }
}

/**
 * Converts a CEL value to JSON, for claims; undefined for a value that JSON cannot represent
 * exactly.
 */
export function fromCel(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'bigint':
      return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : undefined
    case 'number':
      return Number.isFinite(value) ? value : undefined
    default: {
      if (Array.isArray(value)) {
        const items = value.map(fromCel)
        return items.includes(undefined) ? undefined : items
      }
      const entries =
        value instanceof Map ? [...value] : value?.constructor === Object ? Object.entries(value) : undefined
      if (entries === undefined) return undefined
      const members = entries.map(([name, inner]) => [String(name), fromCel(inner)] as const)
      return members.some(([, inner]) => inner === undefined) ? undefined : Object.fromEntries(members)
    }
  }
}
