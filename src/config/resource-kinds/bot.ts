import { z } from 'zod'
import { resourceName } from '../fields.ts'
import { number, scalar } from './conditions.ts'

const trait = z.union([scalar, z.array(z.string()), z.array(number)], 'expected a value or a list of values')

/** A machine user. */
export const botSpec = z.strictObject({
  roles: z.array(resourceName).default([]).describe('roles of the bot; it may do what any of them allows'),
  traits: z
    .record(z.string().regex(/^[a-zA-Z_]\w*$/, 'expected a name'), trait)
    .default({})
    .describe('values of `bot.traits.*` in rules and templates'),
})
