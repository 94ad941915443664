import { z } from 'zod'
import { resourceName } from './fields.ts'
import { joinTokenSchema } from './join-methods/registry.ts'
import { botSpec } from './resource-kinds/bot.ts'
import { federationSpec } from './resource-kinds/federation.ts'
import { lockSpec } from './resource-kinds/lock.ts'
import { roleSpec } from './resource-kinds/role.ts'
import { workloadIdentitySpec } from './resource-kinds/workload-identity.ts'
import type { ResourceKind } from './resource-specs.ts'

/** The schema of `spec` for each kind. */
export const specSchemas = {
  role: roleSpec,
  bot: botSpec,
  join_token: joinTokenSchema,
  workload_identity: workloadIdentitySpec,
  federation: federationSpec,
  lock: lockSpec,
} as const satisfies Readonly<Record<ResourceKind, z.ZodType>>

export const metadataSchema = z.strictObject({
  name: resourceName.describe('1 to 63 letters, digits, dots, dashes, underscores'),
  labels: z
    .record(z.string().min(1).max(63), z.string().max(255))
    .default({})
    .describe('values by which roles choose'),
  expires: z.iso
    .datetime({ offset: true, error: 'expected an instant such as 2027-01-01T00:00:00Z' })
    .exactOptional()
    .describe('end of a join token or a lock'),
  revision: z
    .string()
    .regex(/^\d{1,19}$/, 'expected a revision as `signet get` prints it, in quotes')
    .exactOptional()
    .describe('applied only over this revision'),
})
