import { z } from 'zod'

/**
 * These schemas check only shapes. `policy/` checks what a rule or template means, and reports the
 * same lines.
 */

/** A double cannot represent larger integers exactly, so it would change what was written. */
export const number = z.number().refine((n) => !Number.isInteger(n) || Number.isSafeInteger(n))
export const scalar = z.union(
  [z.string(), number, z.boolean()],
  'expected text, a number (whole ones up to 2^53), true or false',
)
const scalars = z.union([scalar, z.array(scalar).min(1)], 'expected a value or a list of values')
export const globs = z.union(
  [z.string(), z.array(z.string()).min(1)],
  'expected a pattern or a list of patterns',
)

const match = z.record(
  z.string().regex(/^[a-zA-Z_][\w-]*(\.[\w-]+)*$/, 'expected an attribute such as workload.unix.uid'),
  z.union(
    [
      scalar,
      z.array(scalar).min(1),
      z.strictObject({ not: scalars }),
      z.strictObject({ glob: globs }),
      z.strictObject({ exists: z.literal(true) }),
    ],
    'expected a value, a list of values, { not: … }, { glob: … } or { exists: true }',
  ),
)

const rule = z
  .strictObject({
    match: match.exactOptional().describe('attribute → value; all must hold'),
    when: z.string().exactOptional().describe('CEL'),
  })
  .refine(({ match: m, when }) => m !== undefined || when !== undefined, 'needs match or when')

export const rules = z.array(rule).exactOptional()
