import { z } from 'zod'
import { duration } from '../fields.ts'

/** The other fields of a rule depend on its kind. */
const roleRules = z.array(z.looseObject({ kind: z.string() })).exactOptional()

/** What bots with a role may do. */
export const roleSpec = z.strictObject({
  max_ttl: duration('10s', '3650d').exactOptional().describe('longest life of what the role grants'),
  allow: roleRules.describe('what bots with this role may have; the entries are alternatives'),
  deny: roleRules.describe('same grammar; always wins'),
})
