import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { AccountNames } from '../../src/agent/attestation/account-names.ts'
import { Attestation } from '../../src/agent/attestation/attest.ts'
import { FileDigests } from '../../src/agent/attestation/file-digests.ts'
import { UnixAttestor } from '../../src/agent/attestation/unix-attestor.ts'
import type { Callers } from '../../src/agent/entitlement/callers.ts'
import type { DeliveredSvid, SeenProcess } from '../../src/agent/report/delivery-reporter.ts'
import type { SecretNamesConfig } from '../../src/agent/sds/secret-names.ts'
import { serveCallers } from '../../src/agent/serve-callers.ts'
import { SvidCache } from '../../src/agent/svid-cache/svid-cache.ts'
import type { Knowledge } from '../../src/agent/sync/knowledge.ts'
import { systemClock } from '../../src/foundation/clock.ts'
import { createLogger } from '../../src/foundation/logger.ts'
import { createMetrics, type Metrics } from '../../src/foundation/metrics.ts'
import { systemRandom } from '../../src/foundation/random.ts'
import { Watchable } from '../../src/foundation/watchable.ts'
import { loadKernel } from '../../src/peer/koffi-kernel.ts'
import type { Peer } from '../../src/peer/peer.ts'
import { UnixListener } from '../../src/peer/unix-listener.ts'
import { RpcServer } from '../../src/rpc/server.ts'
import { FakeIssuer } from '../fakes/fake-issuer.ts'
import { type Identities, knowledgeOf } from '../fakes/fake-knowledge.ts'

/** The serving part of an agent on a real socket, with a fake authority in this process. */
export interface Serving extends AsyncDisposable {
  readonly directory: string
  readonly socket: string
  readonly issuer: FakeIssuer
  readonly metrics: Metrics
  /** Log records with an `event`, in order. */
  readonly events: readonly Readonly<Record<string, unknown>>[]
  readonly denied: readonly { readonly process: SeenProcess; readonly reason: string }[]
  readonly callers: Callers
  /** Reported deliveries, after they were flushed. */
  readonly delivered: readonly {
    readonly process: SeenProcess
    readonly svids: readonly DeliveredSvid[]
    readonly count: number
  }[]
  /** Replaces what the agent knows. The identities stay unless given. */
  learn(more?: Partial<Knowledge>, identities?: Identities): void
}

interface ServingOptions {
  /** Absent: the agent has not synced yet. */
  readonly identities?: Identities
  /** That of an earlier one, to serve on the same socket; by default a new one. */
  readonly directory?: string
  readonly knowledge?: Partial<Knowledge>
  readonly maxIdentitiesPerCaller?: number
  readonly maxStreamsPerConnection?: number
  readonly allowUnauthenticatedVerifiers?: boolean
  readonly sdsNames?: SecretNamesConfig
  readonly requireMetadata?: boolean
  /** Default: as in the agent. */
  readonly takesAnyAuthority?: boolean
  readonly digestMaxBytes?: number
  readonly prepare?: (issuer: FakeIssuer) => void | Promise<void>
}

const DEFAULT_SECRET_NAMES: SecretNamesConfig = {
  default_svid_name: 'default',
  default_bundle_name: 'ROOTCA',
  default_all_bundles_name: 'ALL',
}

export async function startServing(options: ServingOptions): Promise<Serving> {
  await using started = new AsyncDisposableStack()
  const { directory = await mkdtemp(path.join(tmpdir(), 'signet-serving-')) } = options
  started.defer(() => rm(directory, { recursive: true, force: true }))
  const clock = systemClock
  const metrics = createMetrics()
  const events: Record<string, unknown>[] = []
  const logger = createLogger({
    level: 'debug',
    destination: {
      write: (line) => {
        const record = JSON.parse(line) as Record<string, unknown>
        if (record['event']) events.push(record)
      },
    },
  })
  const issuer = await FakeIssuer.create(clock)
  await options.prepare?.(issuer)
  let identities = options.identities
  const knowledge = new Watchable<Knowledge | undefined>(
    identities && knowledgeOf(issuer, identities, options.knowledge),
  )
  const digests = new FileDigests(clock, {
    maxBytes: options.digestMaxBytes ?? 1024 ** 3,
    timeoutMs: 5_000,
    stampOf: () => undefined,
  })
  const unix = new UnixAttestor({ accounts: new AccountNames(clock), digests })
  const svids = started.use(
    new SvidCache({ issuer, knowledge, clock, random: systemRandom, logger, metrics }),
  )
  const { maxStreamsPerConnection = 1_000, takesAnyAuthority = true } = options
  const server = started.use(
    new RpcServer<Peer>({ logger, metrics, clock, maxStreamsPerConnection, takesAnyAuthority }),
  )
  const denied: Serving['denied'][number][] = []
  const delivered: Serving['delivered'][number][] = []
  const callers = serveCallers(
    server,
    {
      knowledge,
      attestation: new Attestation({ attestors: [unix] }),
      svids,
      reporter: {
        denied: (process, reason) => void denied.push({ process, reason }),
        delivered: (process, { svids }, { count }) => void delivered.push({ process, svids, count }),
      },
      maxIdentitiesPerCaller: options.maxIdentitiesPerCaller ?? 100,
      allowUnauthenticatedVerifiers: options.allowUnauthenticatedVerifiers ?? false,
      sds: {
        names: options.sdsNames ?? DEFAULT_SECRET_NAMES,
        requireMetadata: options.requireMetadata ?? false,
      },
      clock,
      random: systemRandom,
      logger,
      metrics,
    },
    started,
  )
  const listener = started.use(
    await UnixListener.listen({
      path: path.join(directory, 'public', 'agent.sock'),
      mode: 0o777,
      kernel: loadKernel(),
      maxConnections: 16_384,
      maxConnectionsPerUid: 16_384,
      clock,
      logger,
      metrics,
      onConnection: (socket, peer) => void server.accept(socket, peer),
    }),
  )
  await chmod(directory, 0o755) // other users must reach the socket
  const owned = started.move()
  return {
    directory,
    socket: listener.path,
    issuer,
    metrics,
    events,
    denied,
    callers,
    delivered,
    learn: (more, changed) => {
      identities = changed ?? identities ?? {}
      knowledge.set(knowledgeOf(issuer, identities, more))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
