import type { AgentConfig } from '../config/agent-config.ts'
import { loadOrCreateKey } from '../config/secret-source.ts'
import { loadSealingKey } from '../crypto/sealed.ts'
import type { Clock } from '../foundation/clock.ts'
import { FairTurns } from '../foundation/fair-turns.ts'
import { parseHostPort } from '../foundation/host-port.ts'
import type { Readiness } from '../foundation/http-status.ts'
import { Lifecycle } from '../foundation/lifecycle.ts'
import type { Logger } from '../foundation/logger.ts'
import { createMetrics, type Metrics } from '../foundation/metrics.ts'
import { pause } from '../foundation/pause.ts'
import { exposeProcess } from '../foundation/process-metrics.ts'
import type { Random } from '../foundation/random.ts'
import { connectionLimits, resourcesOfThisProcess, type SocketLimits } from '../peer/connection-limits.ts'
import type { PeerKernel } from '../peer/kernel.ts'
import { loadKernel } from '../peer/koffi-kernel.ts'
import type { Peer } from '../peer/peer.ts'
import { UnixListener } from '../peer/unix-listener.ts'
import type { ByteLimits } from '../rpc/byte-budget.ts'
import { TooManyCallsError } from '../rpc/errors.ts'
import { RpcServer } from '../rpc/server.ts'
import type { CallerTurns, CallLimits, RpcServerOptions } from '../rpc/server-options.ts'
import { type AdminDeps, serveAdmin } from './admin/serve-admin.ts'
import { describeStatus, type StatusInput } from './admin/status.ts'
import { AccountNames } from './attestation/account-names.ts'
import { Attestation } from './attestation/attest.ts'
import { FileDigests } from './attestation/file-digests.ts'
import { noteMissingRights } from './attestation/missing-rights.ts'
import { UnixAttestor } from './attestation/unix-attestor.ts'
import { type Condition, conditionOf } from './condition/condition.ts'
import { factsOf } from './condition/facts.ts'
import { tellCondition } from './condition/tell-condition.ts'
import { isOfPin } from './join/pin.ts'
import { Reporter } from './report/reporter.ts'
import { type ServingDeps, serveCallers } from './serve-callers.ts'
import { DataDirectory } from './state/data-directory.ts'
import { IdentityFile } from './state/identity-file.ts'
import { SealedState } from './state/sealed-state.ts'
import { SvidCache } from './svid-cache/svid-cache.ts'
import { KnowledgeStore } from './sync/knowledge-store.ts'
import { NetworkDoor } from './uplink/authority-door.ts'
import { AuthorityLink } from './uplink/authority-link.ts'
import { BatchingIssuer } from './uplink/batching-issuer.ts'
import type { Uplink } from './uplink/uplink.ts'

export interface AgentDeps {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly environment: NodeJS.ProcessEnv
  /** Called as soon as workloads can connect. */
  readonly ready?: (info: { readonly socket: string; readonly adminSocket: string }) => void
}

export interface RunningAgent extends AsyncDisposable {
  readonly socket: string
  readonly adminSocket: string
  /**
   * Rejects if the agent cannot continue, as after a refused join. Resolves once the agent was
   * disposed.
   */
  readonly ended: Promise<void>
  /** Limits new connections and calls by this configuration from now on. */
  readonly limit: (config: Pick<AgentConfig, 'workload_api'>) => void
}

const ADMIN_CONNECTIONS = 256
/**
 * Room for the longest requests: a token of 64 KiB to validate, and Envoy's node description, which
 * Envoy repeats in every request (61 KiB of extensions in 1.40, plus metadata). Requests are held
 * before the caller is attested.
 */
const MAX_REQUEST_BYTES = 128 * 1024
/**
 * Limits on request bytes that are incomplete or not yet handled. Per connection: a request of
 * maximum size on every second stream. Per user: what 200 Envoys send at the same moment.
 */
const REQUEST_BYTES: ByteLimits = {
  connection: 64 * MAX_REQUEST_BYTES,
  caller: 128 * MAX_REQUEST_BYTES,
  total: 512 * MAX_REQUEST_BYTES,
}
/**
 * Envoy opens two streams per connection. This bounds the calls that a user may have open on all of
 * its connections, because each blocked call is held in memory.
 */
const CALLS_PER_CONNECTION_OF_USER = 2
/** How long one user may use the event loop while others wait. A call takes a twentieth of this. */
const SLICE_MS = 2
const CONTENDED_SLICE_MS = 0.5
/** How long to serve from saved state before contacting the authority. */
const WORKLOADS_FIRST_MS = 100
/** How long to wait for trailers to be sent; every client that reads gets them in less. */
const SHUTDOWN_MS = 2_000

/**
 * Serves the workloads of this host: first from the state that an earlier run saved, then from the
 * authority. Resolves once the sockets exist; the authority is contacted afterwards.
 */
export async function runAgent(config: AgentConfig, deps: AgentDeps): Promise<RunningAgent> {
  const lifecycle = new Lifecycle()
  try {
    return await start(config, deps, lifecycle)
  } catch (error) {
    await lifecycle[Symbol.asyncDispose]()
    throw error
  }
}

async function start(config: AgentConfig, deps: AgentDeps, lifecycle: Lifecycle): Promise<RunningAgent> {
  const { clock, random, logger, environment } = deps
  const metrics = createMetrics()
  exposeProcess(metrics)
  const data = lifecycle.use(await DataDirectory.open(config.data_dir, config.former_data_dir, logger))
  const kernel = loadKernel()
  noteMissingRights(logger, kernel)
  const stateKey = loadSealingKey(
    await loadOrCreateKey(config.state_key, environment, random, { isNeeded: data.isSealed }),
  )
  const store = await IdentityFile.open(data, stateKey, logger)
  const state = lifecycle.use(new SealedState(data.statePath, stateKey, clock, logger))

  const door = new NetworkDoor(parseHostPort(config.authority.address), clock)
  const link = lifecycle.use(new AuthorityLink(door, clock))
  const client = () => link.client
  const reporter = lifecycle.use(new Reporter({ client, clock, logger }))
  let authoritySide: Uplink | undefined
  const issuer = new BatchingIssuer({ client, clock, onStale: () => authoritySide?.sync.suspectStale() })
  const knowledgeStore = new KnowledgeStore({ clock, logger })
  const knowledge = knowledgeStore.current
  const kept = await state.load()
  const { stored } = store
  if (stored?.current !== undefined && isOfPin(stored, config.authority.pin)) {
    knowledgeStore.belongTo(stored.trustDomain)
    knowledgeStore.restore(kept?.knowledge)
  }
  const svids = lifecycle.use(new SvidCache({ issuer, knowledge, clock, random, logger, metrics }))
  if (knowledge.value !== undefined) svids.restore(kept?.svids)
  state.keep(() => ({ knowledge: knowledgeStore.snapshot(), svids: svids.snapshot() }))
  lifecycle.use(knowledge.subscribe(() => state.changed()))
  lifecycle.use(svids.onChange(() => state.changed()))

  const shared: Shared = { config, kernel, clock, logger, metrics, lifecycle }
  const attestation = createAttestation(shared)
  const limits = limitsOf(config, logger)
  let listener: UnixListener | undefined
  const turns = new FairTurns<number>({
    clock,
    sliceMs: SLICE_MS,
    contendedSliceMs: CONTENDED_SLICE_MS,
    hold: (uid) => listener?.hold(uid),
    resume: (uid) => listener?.resume(uid) ?? true,
  })
  const api = createServer(shared, limits, { turns: turnsOfCallers(turns) })
  api.addHealth(() => knowledge.value !== undefined && knowledge.value.botLock === undefined)
  lifecycle.use(knowledge.subscribe(() => api.healthMayHaveChanged()))
  const { max_identities_per_caller: maxIdentitiesPerCaller } = config.workload_api
  const serving: ServingDeps = {
    knowledge,
    attestation,
    svids,
    reporter,
    maxIdentitiesPerCaller,
    allowUnauthenticatedVerifiers: config.workload_api.allow_unauthenticated_verifiers,
    sds: { names: config.sds, requireMetadata: config.sds.require_metadata },
    clock,
    random,
    logger,
    metrics,
  }
  serveCallers(api, serving, lifecycle)
  const parts = (): StatusInput => ({
    authority: config.authority.address,
    clock,
    store,
    knowledge: knowledgeStore,
    svids,
    openStreams: api.openStreams,
    config,
    authoritySide,
  })
  const condition = (): Condition => conditionOf(factsOf(parts()))
  const status: AdminDeps['status'] = () => describeStatus(parts())
  const admin = createServer(shared, limits, { showsErrorCodes: true })
  serveAdmin(admin, { kernel, attestation, knowledge, maxIdentitiesPerCaller, clock, status })
  listener = await listenForWorkloads(shared, api, limits, turns)
  await listenForAdministrators(shared, admin)
  const sockets = { socket: config.workload_api.socket, adminSocket: config.admin.socket }
  const identities = knowledge.value?.policy.size
  logger.info({ event: 'agent.started', ...sockets, identities }, 'serving the Workload API')
  deps.ready?.(sockets)

  await serveStatus(shared, condition)
  lifecycle.use(tellCondition({ condition, clock, logger }))
  // Loading the uplink and connecting blocks the loop for a while. If there is saved state,
  // workloads that waited for the socket are served first.
  if (knowledge.value !== undefined) await pause(clock, WORKLOADS_FIRST_MS, lifecycle.signal)
  const { Uplink } = await import('./uplink/uplink.ts')
  const towards = {
    config,
    door,
    store,
    link,
    knowledge: knowledgeStore,
    clock,
    random,
    logger,
    metrics,
    environment,
  }
  authoritySide = new Uplink(towards)
  const ended = authoritySide.run(lifecycle.signal)
  ended.catch((error: unknown) =>
    logger.fatal({ event: 'agent.failed', err: error }, 'the agent cannot continue'),
  )
  const limit = (now: Pick<AgentConfig, 'workload_api'>): void => {
    const possible = limitsOf(now, logger)
    listener?.limit(possible)
    for (const server of [api, admin]) server.limit(callLimitsOf(now, possible))
  }
  return { ...sockets, ended, limit, [Symbol.asyncDispose]: () => lifecycle[Symbol.asyncDispose]() }
}

interface Shared {
  readonly config: AgentConfig
  readonly kernel: PeerKernel
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

function createAttestation({ config, clock, kernel, lifecycle }: Shared): Attestation {
  const { digest_max_bytes: maxBytes, digest_timeout } = config.attestation
  const stampOf = (path: string): string | undefined => kernel.fileStamp(path)
  const digests = lifecycle.use(
    new FileDigests(clock, { maxBytes, timeoutMs: digest_timeout * 1000, stampOf }),
  )
  return new Attestation({ attestors: [new UnixAttestor({ accounts: new AccountNames(clock), digests })] })
}

/** The configured connection limits, lowered to what this process can hold. */
function limitsOf({ workload_api }: Pick<AgentConfig, 'workload_api'>, logger: Logger): SocketLimits {
  const { max_connections: max, max_connections_per_uid: maxPerUid } = workload_api
  const resources = resourcesOfThisProcess()
  const limits = connectionLimits({ max, maxPerUid }, resources)
  if (limits.max < max) {
    logger.info(
      { event: 'connections.limited', configured: max, possible: limits.max, ...resources },
      'too few file descriptors or too little memory for the configured number of connections',
    )
  }
  return limits
}

function callLimitsOf(
  { workload_api }: Pick<AgentConfig, 'workload_api'>,
  { maxPerUid }: SocketLimits,
): CallLimits {
  return {
    maxStreamsPerConnection: workload_api.max_streams_per_connection,
    maxCallsOfCaller: CALLS_PER_CONNECTION_OF_USER * maxPerUid,
  }
}

function createServer(
  { config, logger, metrics, clock }: Shared,
  limits: SocketLimits,
  more: Pick<RpcServerOptions<Peer>, 'turns' | 'showsErrorCodes'>,
): RpcServer<Peer> {
  const { maxStreamsPerConnection, maxCallsOfCaller } = callLimitsOf(config, limits)
  const maxMessageBytes = MAX_REQUEST_BYTES
  const keyOf = ({ credentials }: Peer): number => credentials.uid
  return new RpcServer<Peer>({
    logger,
    metrics,
    clock,
    maxStreamsPerConnection,
    maxMessageBytes,
    byteLimits: REQUEST_BYTES,
    keyOf,
    callCap: { keyOf, max: maxCallsOfCaller },
    takesAnyAuthority: true,
    ...more,
  })
}

function turnsOfCallers(turns: FairTurns<number>): CallerTurns<Peer> {
  return {
    run: ({ credentials }, task, costMs) => turns.run(credentials.uid, task, costMs),
    charge: ({ credentials }, ms) => turns.charge(credentials.uid, ms),
  }
}

async function listenForWorkloads(
  shared: Shared,
  server: RpcServer<Peer>,
  { max, maxPerUid }: SocketLimits,
  turns: FairTurns<number>,
): Promise<UnixListener> {
  return listen(shared, server, {
    path: shared.config.workload_api.socket,
    mode: 0o777, // attestation decides who gets what
    maxConnections: max,
    maxConnectionsPerUid: maxPerUid,
    turns,
  })
}

async function listenForAdministrators(shared: Shared, server: RpcServer<Peer>): Promise<void> {
  await listen(shared, server, {
    path: shared.config.admin.socket,
    mode: 0o600,
    maxConnections: ADMIN_CONNECTIONS,
    maxConnectionsPerUid: ADMIN_CONNECTIONS,
    allowUid: (uid) => uid === 0 || uid === process.geteuid?.(),
  })
}

type Listening = Pick<
  Parameters<typeof UnixListener.listen>[0],
  'path' | 'mode' | 'maxConnections' | 'maxConnectionsPerUid' | 'allowUid' | 'turns'
>

async function listen(shared: Shared, server: RpcServer<Peer>, listening: Listening): Promise<UnixListener> {
  const { kernel, clock, logger, metrics, lifecycle } = shared
  const listener = await UnixListener.listen({
    ...listening,
    directoryMode: process.geteuid?.() === 0 ? 0o755 : 0o700,
    kernel,
    clock,
    logger,
    metrics,
    onConnection: (socket, peer, serving) => {
      const connection = server.accept(socket, peer)
      const end = (): void => server.endConnection(connection, new TooManyCallsError('others need the room'))
      serving({ end, isIdle: () => connection.openCalls === 0 })
    },
  })
  lifecycle.defer(async () => {
    listener.stopAccepting()
    await server.shutdown(SHUTDOWN_MS)
    await listener[Symbol.asyncDispose]()
  })
  return listener
}

async function serveStatus(
  { config, metrics, logger, clock, lifecycle }: Shared,
  condition: () => Condition,
): Promise<void> {
  metrics.collected('agent_ready', 'Whether workloads can be sent here: 1, or 0', () =>
    Number(condition().isReady),
  )
  if (config.metrics === undefined) return
  const { startStatusServer } = await import('../foundation/http-status.ts')
  const { listen } = config.metrics
  const ready = (): Readiness => {
    const { isReady, reason } = condition()
    return { isReady, ...(reason !== undefined && { note: reason }) }
  }
  const server = lifecycle.use(await startStatusServer({ listen, metrics, ready, logger, clock }))
  logger.info({ event: 'status.listening', address: server.address }, 'serving health and metrics')
}
