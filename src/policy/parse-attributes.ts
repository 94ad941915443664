import { attributeTypeAt, ROOTS } from './attribute-schema.ts'
import type { Fact, FactType } from './attributes/fact.ts'
import { attestorNamed } from './attributes/registry.ts'
import type { Attributes, AttributeValue } from './attributes.ts'

const MAX_JSON_LENGTH = 64 * 1024
const MAX_DEPTH = 8

/**
 * Limit on an agent's statement about one workload: it is evaluated for each claim and stored in
 * the audit row.
 */
export const MAX_WORKLOAD_BYTES = 4096

/** Reads attributes from JSON; undefined if it is not an attribute tree. */
export function parseAttributes(json: string): Attributes | undefined {
  if (json.length > MAX_JSON_LENGTH) return undefined
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined // the caller's error is enough; the parser's message would quote the agent
  }
  return isTree(value, 0) ? value : undefined
}

/**
 * Reads an agent's statement about a workload: known attributes only, each of its declared type.
 * Otherwise returns the problem.
 */
export function parseWorkload(
  json: string,
): { readonly workload: Attributes } | { readonly problem: string } {
  if (Buffer.byteLength(json) > MAX_WORKLOAD_BYTES)
    return { problem: `the workload attributes have more than ${MAX_WORKLOAD_BYTES} bytes` }
  const workload = parseAttributes(json)
  if (workload === undefined) return { problem: 'the workload attributes are not an attribute tree' }
  const problem = workloadProblem(workload)
  return problem === undefined ? { workload } : { problem }
}

/**
 * Checks an attribute tree given by an operator: known roots and attributes only, each of its type.
 * Returns the problem, or undefined.
 */
export function attributesProblem(attributes: Attributes): string | undefined {
  for (const [root, below] of Object.entries(attributes)) {
    if (!ROOTS.has(root)) return `there is no attribute ${JSON.stringify(root.slice(0, 64))}`
    if (!isGroup(below)) return `${root} is a group of attributes`
  }
  const { workload = {}, bot = {} } = attributes as { readonly [root: string]: Attributes }
  return workloadProblem(workload) ?? botProblem(bot)
}

function botProblem(bot: Attributes): string | undefined {
  for (const [name, value] of Object.entries(bot)) {
    if (name === 'traits') {
      if (!isGroup(value) || !Object.values(value).every((trait) => typeof trait === 'string'))
        return 'bot.traits is a group of texts'
      continue
    }
    const found = attributeTypeAt(['bot', name])
    if ('problem' in found) return found.problem
    if (typeof value !== 'string') return `bot.${name} is not of the type string`
  }
  return undefined
}

function workloadProblem(workload: Attributes): string | undefined {
  for (const [name, found] of Object.entries(workload)) {
    const attestor = attestorNamed(name)
    if (attestor === undefined || !isGroup(found)) return unknownAttribute(name)
    for (const [fact, value] of Object.entries(found)) {
      const known = Object.hasOwn(attestor.facts, fact) ? attestor.facts[fact] : undefined
      if (known === undefined) return unknownAttribute(`${name}.${fact}`)
      const path = `workload.${name}.${fact}`
      if (!isOfType(value, known.type)) return `${path} is not of the type ${known.type}`
      if (!isWithin(value, known.range)) return `${path} has a value that no process can have`
    }
  }
  return undefined
}

function unknownAttribute(path: string): string {
  return `there is no attribute ${JSON.stringify(`workload.${path.slice(0, 64)}`)}`
}

function isGroup(value: AttributeValue): value is Attributes {
  return typeof value === 'object' && !Array.isArray(value)
}

function isWithin(value: AttributeValue, range: Fact['range']): boolean {
  if (range === undefined) return true
  const [least, most] = range
  return [value].flat().every((each) => Number(each) >= least && Number(each) <= most)
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
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > MAX_DEPTH) return false
  return Object.values(value).every((member) => isValue(member, depth + 1))
}

function isValue(value: unknown, depth: number): value is AttributeValue {
  if (Array.isArray(value))
    return value.every((e) => typeof e === 'string') || value.every((e) => Number.isFinite(e))
  if (typeof value === 'object') return isTree(value, depth)
  return typeof value !== 'number' || Number.isFinite(value)
}
