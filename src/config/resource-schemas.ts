import { z } from 'zod'
import { KEY_TYPES } from '../crypto/keys.ts'
import { isTrustDomainName } from '../spiffe/trust-domain.ts'
import { bundleDocument, bundleProblem } from './bundle-document.ts'
import { duration, resourceName } from './fields.ts'
import { joinTokenSchema } from './join-methods/registry.ts'
import { LOCK_TARGETS, type ResourceKind, type SpecByKind } from './resource-specs.ts'

/** Shapes only. What a rule or a template means is checked by `policy/`, with the same lines. */

/** A double has no other whole number beyond this, and would change what was written. */
const number = z.number().refine((n) => !Number.isInteger(n) || Number.isSafeInteger(n))
const scalar = z.union(
  [z.string(), number, z.boolean()],
  'expected text, a number (whole ones up to 2^53), true or false',
)
const scalars = z.union([scalar, z.array(scalar).min(1)], 'expected a value or a list of values')
const globs = z.union([z.string(), z.array(z.string()).min(1)], 'expected a pattern or a list of patterns')

const audiences = z.union(
  [
    z.string(),
    z.array(z.string()),
    z.strictObject({ not: z.union([z.string(), z.array(z.string()).min(1)]) }),
    z.strictObject({ glob: globs }),
  ],
  'expected an audience, a list of audiences, { not: … } or { glob: … }',
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

const rules = z.array(rule).exactOptional()

/** The rest of a rule depends on its kind. */
const roleRules = z.array(z.looseObject({ kind: z.string() })).exactOptional()

const trait = z.union([scalar, z.array(z.string()), z.array(number)], 'expected a value or a list of values')

/** `ttl` as written → `ttlSeconds`. */
function withTtlSeconds<T extends { ttl?: number }>({
  ttl,
  ...rest
}: T): Omit<T, 'ttl'> & { ttlSeconds?: number } {
  return ttl === undefined ? rest : { ...rest, ttlSeconds: ttl }
}

export const specSchemas: { readonly [K in ResourceKind]: z.ZodType<SpecByKind[K]> } = {
  role: z.strictObject({
    max_ttl: duration('10s', '3650d').exactOptional().describe('longest life of what the role grants'),
    allow: roleRules.describe('what bots with this role may have; the entries are alternatives'),
    deny: roleRules.describe('same grammar; always wins'),
  }),
  bot: z.strictObject({
    roles: z.array(resourceName).default([]).describe('roles of the bot; it may do what any of them allows'),
    traits: z
      .record(z.string().regex(/^[a-zA-Z_]\w*$/, 'expected a name'), trait)
      .default({})
      .describe('values of `bot.traits.*` in rules and templates'),
  }),
  join_token: joinTokenSchema,
  workload_identity: z.strictObject({
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
  }),
  federation: z
    .strictObject({
      trust_domain: z
        .string()
        .refine(isTrustDomainName, 'expected the name of a trust domain, such as partner.example')
        .describe('foreign trust domain, never our own'),
      bundle: bundleDocument.describe(
        'its SPIFFE bundle: the JSON as a mapping or as text, or `{ path: FILE }`',
      ),
    })
    .superRefine(({ trust_domain, bundle }, context) => {
      const message = bundleProblem(trust_domain, bundle)
      if (message !== undefined) context.addIssue({ code: 'custom', path: ['bundle'], message })
    }),
  lock: z.strictObject({
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
  }),
}

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
