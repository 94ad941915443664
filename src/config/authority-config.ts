import path from 'node:path'
import { z } from 'zod'
import { SIGNING_ALGORITHMS } from '../crypto/jws-algorithm.ts'
import { trustDomainReadingProblem } from '../spiffe/trust-domain.ts'
import { readSingleDocument } from './config-file.ts'
import { InvalidConfigError } from './errors.ts'
import { address, count, duration, filePath, logLevel } from './fields.ts'
import type { Immutable } from './immutable.ts'
import {
  authorityRuntimeDirectory,
  baseOf,
  dataDirectory,
  keyDirectory,
  liesInside,
  resolveSource,
  surroundings,
} from './places.ts'
import type { SecretSource } from './secret-source.ts'
import { secretSourceSchema } from './secret-source-schema.ts'
import { checkSocketPath } from './socket-path-problems.ts'

const trustDomain = z
  .string()
  .regex(
    /^[a-z0-9._-]{1,255}$/,
    'expected a trust domain such as example.org: lower-case letters, digits, dots, dashes and underscores',
  )
  .superRefine((name, context) => {
    const problem = trustDomainReadingProblem(name)
    if (problem !== undefined) context.addIssue(`some clients could not read its SVIDs: ${problem}`)
  })

const signingAlgorithm = z.enum(SIGNING_ALGORITHMS)

export const authorityConfigSchema = z.strictObject({
  version: z.literal(1).describe('version of the file format'),
  trust_domain: trustDomain.describe('name of the trust domain; cannot be changed after the first start'),
  data_dir: filePath
    .exactOptional()
    .describe(
      'directory of the database and the signed heads, mode 0700; default `/var/lib/signet` for root, `~/.local/state/signet` for others',
    ),
  key_encryption_key: secretSourceSchema
    .exactOptional()
    .describe(
      'protects the signing keys; outside `data_dir`; default `/etc/signet/kek` for root, `~/.config/signet/kek` for others; made on the first start',
    ),
  admin: z
    .strictObject({
      socket: filePath
        .exactOptional()
        .describe(
          'socket for administrators; default `/run/signet-authority/authority.sock` for root, in `$XDG_RUNTIME_DIR/signet` for others',
        ),
    })
    .prefault({}),
  metrics: z
    .strictObject({ listen: address.describe('address that serves `/livez`, `/readyz` and `/metrics`') })
    .exactOptional(),
  listen: address.default('0.0.0.0:7443').describe('address that agents connect to'),
  public_address: address
    .exactOptional()
    .describe('address of the authority in printed commands; default: `listen`'),
  log: z
    .strictObject({
      level: logLevel.default('info').describe('lowest level that is logged'),
    })
    .prefault({}),
  lifetimes: z
    .strictObject({
      control_root: duration('1h', '36500d')
        .prefault('3650d')
        .describe('life of the control root, whose key agents pin'),
      control_issuing: duration('10m', '3650d')
        .prefault('90d')
        .describe('life of the CA that signs bot certificates; shorter than `control_root`'),
      spiffe_ca: duration('1m', '3650d')
        .prefault('30d')
        .describe('life of the CA that signs X.509-SVIDs; no SVID outlives it'),
      jwt_key: duration('1m', '3650d')
        .prefault('30d')
        .describe('life of a key that signs JWT-SVIDs; no SVID outlives it'),
      bot_certificate: duration('1m', '7d')
        .prefault('1h')
        .describe('life of a bot certificate; renewed at half of it'),
      default_x509_svid: duration('10s', '90d')
        .prefault('1h')
        .describe('life of an X.509-SVID whose workload identity states none'),
      default_jwt_svid: duration('10s', '24h')
        .prefault('5m')
        .describe('life of a JWT-SVID whose workload identity states none'),
    })
    .prefault({}),
  jwt: z
    .strictObject({
      algorithm: signingAlgorithm.default('ES256').describe('algorithm that signs JWT-SVIDs'),
      by_audience: z
        .record(z.string().min(1).max(1024), signingAlgorithm)
        .default({})
        .describe(
          'another algorithm for each named audience whose relying party does not accept `algorithm`',
        ),
    })
    .prefault({}),
  renewal_grace: duration('0s', '30d')
    .prefault('7d')
    .describe('time for which an expired bot certificate can still be renewed'),
  limits: z
    .strictObject({
      max_connections: count(1_000_000)
        .default(10_000)
        .describe('connections of bots; connections without a certificate have a small limit of their own'),
      max_connections_per_address: count(1_000_000)
        .exactOptional()
        .describe(
          'connections from one address, or one /64 of IPv6; default: a quarter of `max_connections`',
        ),
      max_streams_per_connection: count(100_000).default(256).describe('open calls on one connection'),
      svids_per_second: count(1_000_000)
        .default(1_000)
        .describe(
          'SVIDs for one agent, on the average of ten minutes; tokens leave a quarter of it for X.509-SVIDs',
        ),
    })
    .prefault({}),
})

type AuthorityConfigData = Immutable<z.output<typeof authorityConfigSchema>>

/** The settings of `signet authority run`: durations in seconds, absolute paths. */
export type AuthorityConfig = Omit<
  AuthorityConfigData,
  'data_dir' | 'key_encryption_key' | 'admin' | 'limits'
> & {
  readonly data_dir: string
  readonly key_encryption_key: SecretSource
  readonly admin: Required<AuthorityConfigData['admin']>
  readonly limits: Required<AuthorityConfigData['limits']>
}

/** Parses `authority.yaml`. Reports every mistake with its line. @throws InvalidConfigError */
export function parseAuthorityConfig(text: string, fileName: string): AuthorityConfig {
  const { document, data } = readSingleDocument(authorityConfigSchema, text, fileName)
  const here = surroundings()
  const base = baseOf(fileName)
  const data_dir = data.data_dir === undefined ? dataDirectory(here) : path.resolve(base, data.data_dir)
  const key_encryption_key = resolveSource(
    base,
    data.key_encryption_key ?? { path: path.join(keyDirectory(here), 'kek') },
  )
  const socket = path.resolve(
    base,
    data.admin.socket ?? path.join(authorityRuntimeDirectory(here), 'authority.sock'),
  )
  const problems = checkSocketPath(['admin', 'socket'], socket).map(({ path, message }) =>
    document.problem(path, message),
  )
  if (liesInside(data_dir, key_encryption_key)) {
    problems.push(
      document.problem(
        ['key_encryption_key'],
        'lies inside data_dir: a backup of the data would carry its own key',
      ),
    )
  }
  const { control_root, control_issuing, bot_certificate } = data.lifetimes
  if (control_issuing >= control_root) {
    problems.push(document.problem(['lifetimes', 'control_issuing'], 'must be shorter than control_root'))
  }
  if (bot_certificate >= control_issuing) {
    problems.push(document.problem(['lifetimes', 'bot_certificate'], 'must be shorter than control_issuing'))
  }
  if (problems.length > 0) throw new InvalidConfigError(problems)
  const { max_connections } = data.limits
  const limits = { max_connections_per_address: Math.ceil(max_connections / 4), ...data.limits }
  return { ...data, data_dir, key_encryption_key, admin: { socket }, limits }
}
