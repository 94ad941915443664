import { z } from 'zod'
import { address, count, duration, filePath, logLevel, pin, secretName, size } from './fields.ts'
import { joinSchema } from './join-methods/registry.ts'
import { secretSourceSchema } from './secret-source-schema.ts'

export const agentConfigSchema = z.strictObject({
  version: z.literal(1).describe('version of the file format'),
  authority: z.strictObject({
    address: address.describe('address of the authority'),
    pin: pin.describe('SHA-256 of the public key of its root, as `signet token create` prints it'),
  }),
  join: joinSchema,
  data_dir: filePath
    .exactOptional()
    .describe(
      'directory of the saved state, mode 0700; default `/var/lib/signet-agent` for root, `~/.local/state/signet-agent` for others',
    ),
  state_key: secretSourceSchema
    .exactOptional()
    .describe(
      'seals the saved state, the bot identity included; default `/etc/signet/agent-state-key` for root, `~/.config/signet/agent-state-key` for others',
    ),
  workload_api: z
    .strictObject({
      socket: filePath
        .exactOptional()
        .describe(
          'socket for workloads; default `/run/signet/agent.sock` for root, in `$XDG_RUNTIME_DIR/signet` for others',
        ),
      max_connections: count(1_000_000)
        .default(16_384)
        .describe(
          'connections, as far as descriptors (two each) and memory reach; above it, the user with most loses one for a user who has fewer',
        ),
      max_connections_per_uid: count(1_000_000)
        .default(10_000)
        .describe('connections of one user, who may have twice as many calls open'),
      max_streams_per_connection: count(100_000).default(128).describe('open calls on one connection'),
      max_identities_per_caller: count(10_000)
        .default(100)
        .describe('identities for one caller; of more, the first in order are delivered, and this is logged'),
      allow_unauthenticated_verifiers: z
        .boolean()
        .default(false)
        .describe(
          'a caller without an identity may have our own bundle, and have JWT-SVIDs validated with it',
        ),
    })
    .prefault({}),
  sds: z
    .strictObject({
      default_svid_name: secretName
        .default('default')
        .describe('name of the default X.509-SVID of the caller'),
      default_bundle_name: secretName
        .default('ROOTCA')
        .describe('name of the bundle of our own trust domain'),
      default_all_bundles_name: secretName
        .default('ALL')
        .describe('name of the bundles of our own and of all federated trust domains'),
      require_metadata: z
        .boolean()
        .default(false)
        .describe(
          'refuse requests without `workload.spiffe.io: true`, as the Workload API does; `signet envoy bootstrap` sends it',
        ),
    })
    .prefault({}),
  admin: z
    .strictObject({
      socket: filePath
        .exactOptional()
        .describe('socket for the operator; default: `agent-admin.sock` beside the Workload API socket'),
    })
    .prefault({}),
  metrics: z
    .strictObject({ listen: address.describe('address that serves `/livez`, `/readyz` and `/metrics`') })
    .exactOptional(),
  log: z
    .strictObject({
      level: logLevel.default('info').describe('lowest level that is logged'),
    })
    .prefault({}),
  attestation: z
    .strictObject({
      digest_max_bytes: size.prefault('512MiB').describe('largest executable of which a digest is made'),
      digest_timeout: duration('100ms', '60s')
        .prefault('10s')
        .describe('time to make a digest; after it, rules on the digest do not match'),
    })
    .prefault({}),
})
