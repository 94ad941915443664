import { z } from 'zod'
import { agentConfigSchema } from './agent-config-schema.ts'
import { authorityConfigSchema } from './authority-config.ts'
import { AGENT_RELOADABLE, AUTHORITY_RELOADABLE } from './reloadable.ts'
import { metadataSchema, specSchemas } from './resource-schemas.ts'

/** One row of a table in docs/. */
interface ReferenceRow {
  /** Path of the key, with dots. */
  readonly key: string
  readonly type: string
  /** The default as JSON; absent when there is none. */
  readonly default?: string
  readonly required: boolean
  readonly description: string
}

/** Which keys of a program's file SIGHUP changes; absent for what no program reads. */
export const RELOADABLE: Readonly<Partial<Record<ReferenceName, readonly string[]>>> = {
  'authority.yaml': AUTHORITY_RELOADABLE,
  'agent.yaml': AGENT_RELOADABLE,
}

const SCHEMAS = {
  'authority.yaml': authorityConfigSchema,
  'agent.yaml': agentConfigSchema,
  metadata: metadataSchema,
  ...specSchemas,
} as const satisfies Record<string, z.ZodType>

export type ReferenceName = keyof typeof SCHEMAS

/** Lists every key of a file or of a resource's spec, in order. */
export function configReference(name: ReferenceName): ReferenceRow[] {
  return referenceOf(SCHEMAS[name])
}

export function referenceOf(schema: z.ZodType): ReferenceRow[] {
  return rowsOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), '', true)
}

type JsonSchema = z.core.JSONSchema.JSONSchema

function rowsOf(given: JsonSchema, prefix: string, present: boolean): ReferenceRow[] {
  const schema = given.oneOf ? together(given.oneOf as readonly JsonSchema[]) : given
  const required = new Set(present ? schema.required : [])
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const child = property as JsonSchema
    const key = `${prefix}${name}`
    if (child.properties || child.oneOf) return rowsOf(child, `${key}.`, required.has(name))
    return [
      {
        key,
        type: typeOf(child),
        ...(child.default === undefined ? {} : { default: JSON.stringify(child.default) }),
        required: required.has(name) && child.default === undefined,
        description: child.description ?? '',
      },
    ]
  })
}

/**
 * Merges alternatives, such as the methods of `join:`: all of their keys, each as the first
 * alternative describes it, and the names of all methods.
 */
function together(alternatives: readonly JsonSchema[]): JsonSchema {
  const properties: Record<string, JsonSchema> = {}
  for (const alternative of alternatives) {
    for (const [name, schema] of Object.entries(alternative.properties ?? {}) as [string, JsonSchema][]) {
      const before = properties[name]
      if (before === undefined) properties[name] = schema
      else if (schema.const !== undefined) {
        const { const: first, enum: several = [first], ...rest } = before
        properties[name] = { ...rest, enum: [...several, schema.const] } as JsonSchema
      }
    }
  }
  const isInAll = (name: string): boolean => alternatives.every(({ required }) => required?.includes(name))
  return { properties, required: Object.keys(properties).filter(isInAll) }
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(', ')
  if (schema.anyOf) return schema.anyOf.map((one) => shapeOf(one as JsonSchema)).join(' or ')
  if (schema.format === 'duration') return `duration, ${schema['range']}`
  if (schema.type === 'integer') return `integer, ${schema.minimum} to ${schema.maximum}`
  if (schema.type === 'array') return `list of ${typeOf((schema.items ?? {}) as JsonSchema)}`
  return String(schema.type ?? 'any')
}

function shapeOf(schema: JsonSchema): string {
  const keys = Object.keys(schema.properties ?? {})
  return keys.length > 0 ? `{ ${keys.join(', ')} }` : typeOf(schema)
}
