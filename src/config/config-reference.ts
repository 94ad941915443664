import { z } from 'zod'
import { agentConfigSchema } from './agent-config.ts'
import { authorityConfigSchema } from './authority-config.ts'
import { metadataSchema, specSchemas } from './resource-schemas.ts'

/** One line of a table in docs/. */
export interface ReferenceRow {
  /** Dotted. */
  readonly key: string
  readonly type: string
  /** As JSON; absent = none. */
  readonly default?: string
  readonly required: boolean
  readonly description: string
}

const SCHEMAS = {
  'authority.yaml': authorityConfigSchema,
  'agent.yaml': agentConfigSchema,
  metadata: metadataSchema,
  ...specSchemas,
} as const satisfies Record<string, z.ZodType>

export type ReferenceName = keyof typeof SCHEMAS

/** JSON Schema of what a person writes; editors check files against it. */
function configSchema(name: ReferenceName): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(SCHEMAS[name], { io: 'input', unrepresentable: 'any' })
}

/** Every key of a file or of a resource's spec, in order. */
export function configReference(name: ReferenceName): ReferenceRow[] {
  return rowsOf(configSchema(name), '', true)
}

type Schema = z.core.JSONSchema.JSONSchema

function rowsOf(schema: Schema, prefix: string, present: boolean): ReferenceRow[] {
  const required = new Set(present ? schema.required : [])
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const child = property as Schema
    const key = `${prefix}${name}`
    if (child.properties) return rowsOf(child, `${key}.`, required.has(name))
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

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(', ')
  if (schema.anyOf) return schema.anyOf.map((one) => shapeOf(one as Schema)).join(' or ')
  if (schema.format === 'duration') return `duration, ${schema['range']}`
  if (schema.type === 'integer') return `integer, ${schema.minimum} to ${schema.maximum}`
  if (schema.type === 'array') return `list of ${typeOf((schema.items ?? {}) as Schema)}`
  return String(schema.type ?? 'any')
}

function shapeOf(schema: Schema): string {
  const keys = Object.keys(schema.properties ?? {})
  return keys.length > 0 ? `{ ${keys.join(', ')} }` : typeOf(schema)
}
