import { z } from 'zod'
import { filePath } from './fields.ts'
import type { SecretSource } from './secret-source.ts'

export const secretSourceSchema: z.ZodType<SecretSource> = z.union(
  [
    z.strictObject({ path: filePath.describe('a file of mode 0600') }),
    z.strictObject({
      env: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
        .describe('an environment variable'),
    }),
    z.strictObject({
      credential: z
        .string()
        .regex(/^[A-Za-z0-9._-]+$/)
        .describe('a systemd credential'),
    }),
  ],
  'expected one of { path: FILE }, { env: VARIABLE }, { credential: NAME }',
)
