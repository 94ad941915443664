import type { Attributes, AttributeValue } from './attributes.ts'

const LONGEST_JSON = 64 * 1024
const DEEPEST = 8

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
