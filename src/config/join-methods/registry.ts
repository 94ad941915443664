import { z } from 'zod'
import { secretAgentSchema, secretTokenSchema } from './secret.ts'

/** `join:` of `agent.yaml`, by its method. A new method adds its schema here and below. */
export const joinSchema = z.discriminatedUnion('method', [secretAgentSchema])

/** The spec of a join token, by its method. */
export const joinTokenSchema = z.discriminatedUnion('method', [secretTokenSchema])

/** Paths are as written, relative ones to the file. */
export type JoinSettings = Readonly<z.output<typeof joinSchema>>
export type JoinTokenSpec = Readonly<z.output<typeof joinTokenSchema>>
export type JoinMethodName = JoinSettings['method']
