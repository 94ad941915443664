import { z } from 'zod'
import { KEY_TYPES } from '../../crypto/keys.ts'
import { duration } from '../fields.ts'
import { globs, rules } from './conditions.ts'

const audiences = z.union(
  [
    z.string(),
    z.array(z.string()),
    z.strictObject({ not: z.union([z.string(), z.array(z.string()).min(1)]) }),
    z.strictObject({ glob: globs }),
  ],
  'expected an audience, a list of audiences, { not: … } or { glob: … }',
)

/** Renames `ttl` to `ttlSeconds`. */
function withTtlSeconds<T extends { ttl?: number }>({
  ttl,
  ...rest
}: T): Omit<T, 'ttl'> & { ttlSeconds?: number } {
  return ttl === undefined ? rest : { ...rest, ttlSeconds: ttl }
}

/** A workload identity: which callers get which SPIFFE ID. */
export const workloadIdentitySpec = z.strictObject({
  spiffe_id: z.string().max(2048).describe('path of the SPIFFE ID; may hold `{{ }}` templates'),
  hint: z
    .string()
    .refine((text) => Buffer.byteLength(text) <= 1024, 'must be at most 1024 bytes')
    .exactOptional()
    .describe('tells a caller with several identities which one to use'),
  priority: z
    .int()
    .min(0)
    .max(1000)
    .exactOptional()
    .describe(
      'order for a caller with several identities: the lower number first, then by name; default `100`',
    ),
  allow: rules.describe('who gets it; the entries are alternatives, and without any nobody gets it'),
  deny: rules.describe('who never gets it; wins over `allow`'),
  x509: z
    .strictObject({
      ttl: duration('10s', '90d').exactOptional().describe('life; default: that of the authority'),
      key_type: z
        .enum(KEY_TYPES)
        .exactOptional()
        .describe('type of the key that the agent makes; default `ec-p256`'),
      dns_sans: z
        .array(z.string())
        .exactOptional()
        .describe('DNS names in the certificate; may hold templates'),
    })
    .transform(withTtlSeconds)
    .exactOptional(),
  jwt: z
    .strictObject({
      ttl: duration('10s', '24h').exactOptional().describe('life; default: that of the authority'),
      extra_claims: z
        .record(z.string(), z.unknown())
        .exactOptional()
        .describe('more claims; may hold templates; never a registered claim'),
      allowed_audiences: audiences
        .exactOptional()
        .describe('audiences that a token may have; default: any; an empty list: none'),
    })
    .transform(withTtlSeconds)
    .exactOptional(),
  federates_with: z
    .array(z.string())
    .exactOptional()
    .describe('foreign trust domains whose bundles are delivered with it'),
})
