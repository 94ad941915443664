import { z } from 'zod'
import { count, resourceName } from '../fields.ts'

/** A permission to join as a bot. */
export const joinTokenSpec = z.strictObject({
  bot: resourceName.describe('who joins with it'),
  method: z.literal('secret').default('secret').describe('the proof that is asked'),
  max_uses: count(1_000_000).default(1).describe('how many agents may join with it'),
})
