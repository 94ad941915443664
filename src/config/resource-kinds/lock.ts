import { z } from 'zod'
import { resourceName } from '../fields.ts'
import { LOCK_TARGETS } from '../resource-specs.ts'

/** An immediate ban. */
export const lockSpec = z.strictObject({
  target: z
    .strictObject({
      bot: resourceName.exactOptional().describe('every instance of it'),
      bot_instance: z.string().min(1).exactOptional().describe('one agent'),
      join_token: resourceName.exactOptional().describe('and who joined with it'),
      workload_identity: resourceName.exactOptional().describe('nobody gets it'),
      spiffe_id: z
        .string()
        .startsWith('spiffe://', 'expected a whole SPIFFE ID')
        .exactOptional()
        .describe('nobody gets it'),
    })
    .refine(
      (target) => Object.keys(target).length === 1,
      `expected exactly one of ${LOCK_TARGETS.join(', ')}`,
    ),
  reason: z.string().max(1024).exactOptional().describe('for operators; callers never see it'),
})
