import type { FactType } from './attributes/fact.ts'
import { attestorNamed } from './attributes/registry.ts'
import type { Attributes, AttributeValue } from './attributes.ts'

const LONGEST_JSON = 64 * 1024
const DEEPEST = 8

/** What an agent may say of one workload: each claim is decided by it, and its row in the audit log holds it. */
export const LONGEST_WORKLOAD_BYTES = 4096

/** Reads attributes from JSON, or undefined when it is not a tree of attributes. */
export function parseAttributes(json: string): Attributes | undefined {
  if (json.length > LONGEST_JSON) return undefined
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined // the refusal says what is wrong; the parser's message would quote the agent
  }
  return isTree(value, 0) ? value : undefined
}

/** Reads what an agent says of a workload: only attributes that there are, each of its type. Or why that cannot be. */
export function parseWorkload(
  json: string,
): { readonly workload: Attributes } | { readonly problem: string } {
  if (Buffer.byteLength(json) > LONGEST_WORKLOAD_BYTES)
    return { problem: `the workload attributes have more than ${LONGEST_WORKLOAD_BYTES} bytes` }
  const workload = parseAttributes(json)
  if (workload === undefined) return { problem: 'the workload attributes are not an attribute tree' }
  for (const [name, found] of Object.entries(workload)) {
    const attestor = attestorNamed(name)
    if (attestor === undefined || !isGroup(found)) return { problem: unknownAttribute(name) }
    for (const [fact, value] of Object.entries(found)) {
      if (!Object.hasOwn(attestor.facts, fact)) return { problem: unknownAttribute(`${name}.${fact}`) }
      const type = attestor.facts[fact]?.type
      if (type === undefined || !isOfType(value, type))
        return { problem: `workload.${name}.${fact} is not of the type ${type}` }
    }
  }
  return { workload }
}

function unknownAttribute(path: string): string {
  return `there is no attribute ${JSON.stringify(`workload.${path.slice(0, 64)}`)}`
}

function isGroup(value: AttributeValue): value is Attributes {
  return typeof value === 'object' && !Array.isArray(value)
}

function isOfType(value: AttributeValue, type: FactType): boolean {
  switch (type) {
    case 'int':
      return Number.isSafeInteger(value)
    case 'string':
      return typeof value === 'string'
    case 'bool':
      return typeof value === 'boolean'
    case 'list<int>':
      return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each))
  }
}

function isTree(value: unknown, depth: number): value is Attributes {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > DEEPEST) return false
  return Object.values(value).every((member) => isValue(member, depth + 1))
}

function isValue(value: unknown, depth: number): value is AttributeValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value)
    case 'object':
      if (!Array.isArray(value)) return isTree(value, depth)
      return value.every((e) => typeof e === 'string') || value.every((e) => Number.isFinite(e))
    default:
      return false
  }
}
