import { z } from 'zod'
import { secretAgentSchema, secretTokenSchema } from './secret.ts'

/** `join:` of `agent.yaml`, by method. A new method adds its schema here and below. */
export const joinSchema = z.discriminatedUnion('method', [secretAgentSchema])

/** The spec of a join token, by method. */
export const joinTokenSchema = z.discriminatedUnion('method', [secretTokenSchema])

/** Paths are as written; relative ones are relative to the file. */
export type JoinSettings = Readonly<z.output<typeof joinSchema>>
export type JoinTokenSpec = Readonly<z.output<typeof joinTokenSchema>>
export type JoinMethodName = JoinSettings['method']

export const JOIN_METHODS = Object.keys({ secret: true } satisfies Readonly<Record<JoinMethodName, true>>)
