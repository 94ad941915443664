import type { FactType } from './attributes/fact.ts'
import { ATTESTORS, attestorNamed, factAt } from './attributes/registry.ts'

/** The type of an attribute; that of a `dynamic` one is known only at evaluation. */
export type AttributeType = FactType | 'dynamic'

const BOT_ATTRIBUTES: Readonly<Record<string, AttributeType>> = { name: 'string', instance_id: 'string' }

/** A step of an attribute path in a `match` key. Other names can only be reached with CEL. */
const STEP = /^[A-Za-z_][A-Za-z0-9_-]{0,127}$/
const MAX_STEPS = 16

/** The roots of the attribute tree. */
export const ROOTS: ReadonlySet<string> = new Set(['workload', 'join', 'bot'])

/** The type of the attribute at a path, or a sentence saying why there is none. */
export function attributeTypeAt(
  steps: readonly string[],
): { readonly type: AttributeType } | { readonly problem: string } {
  const [root, second, third] = steps
  const path = steps.join('.')
  if (steps.length > MAX_STEPS || steps.some((step) => step === '')) {
    return { problem: `"${path}" is not an attribute path` }
  }
  switch (root) {
    case 'workload': {
      if (second === undefined) return group(path)
      const attestor = attestorNamed(second)
      if (attestor === undefined)
        return unknown(path, ATTESTORS.map(({ name }) => `workload.${name}`).join(', '))
      if (third === undefined) return group(path)
      const fact = steps.length > 3 ? undefined : factAt(path)
      if (fact === undefined)
        return unknown(path, `workload.${second}.{${Object.keys(attestor.facts).join(',')}}`)
      return { type: fact.type }
    }
    case 'join':
      return second === undefined ? group(path) : { type: 'dynamic' }
    case 'bot': {
      if (second === undefined || (second === 'traits' && third === undefined)) return group(path)
      if (second === 'traits' && steps.length === 3) return { type: 'string' }
      const type = steps.length === 2 ? BOT_ATTRIBUTES[second] : undefined
      return type === undefined ? unknown(path, 'bot.{name,instance_id,traits.*}') : { type }
    }
    default:
      return unknown(
        path,
        `${ATTESTORS.map(({ name }) => `workload.${name}.*`).join(', ')}, join.* and bot.*`,
      )
  }
}

/** Like {@link attributeTypeAt}, for a dotted path whose steps must be plain names. */
export function attributeTypeOf(
  path: string,
): { readonly type: AttributeType } | { readonly problem: string } {
  const fact = factAt(path)
  if (fact !== undefined) return fact // most rules name one, and an agent compiles thousands at its start
  const steps = path.split('.')
  if (!steps.every((step) => STEP.test(step))) return { problem: `"${path}" is not an attribute path` }
  return attributeTypeAt(steps)
}

function group(path: string): { readonly problem: string } {
  return { problem: `"${path}" names a group of attributes, not one` }
}

function unknown(path: string, known: string): { readonly problem: string } {
  return { problem: `unknown attribute "${path}" (known: ${known})` }
}
