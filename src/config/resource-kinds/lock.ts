import { z } from 'zod'
import { resourceName } from '../fields.ts'
import { LOCK_TARGETS } from '../resource-specs.ts'

/** A lock: an immediate ban. */
export const lockSpec = z.strictObject({
  target: z
    .strictObject({
      bot: resourceName.exactOptional().describe('bans every instance of a bot'),
      bot_instance: z.string().min(1).exactOptional().describe('bans one agent'),
      join_token: resourceName.exactOptional().describe('bans a join token, and all who joined with it'),
      workload_identity: resourceName.exactOptional().describe('bans a workload identity'),
      spiffe_id: z
        .string()
        .startsWith('spiffe://', 'expected a whole SPIFFE ID')
        .exactOptional()
        .describe('bans a SPIFFE ID'),
    })
    .refine(
      (target) => Object.keys(target).length === 1,
      `expected exactly one of ${LOCK_TARGETS.join(', ')}`,
    ),
  reason: z.string().max(1024).exactOptional().describe('text for operators; callers never see it'),
})
