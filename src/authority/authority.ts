import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import path from 'node:path'
import type { AuthorityConfig } from '../config/authority-config.ts'
import { nextKeyOf } from '../config/next-key.ts'
import { describeSource, loadKeyIfPresent, loadOrCreateKey } from '../config/secret-source.ts'
import { loadSealingKey } from '../crypto/sealed.ts'
import type { Clock } from '../foundation/clock.ts'
import { startStatusServer } from '../foundation/http-status.ts'
import { Lifecycle } from '../foundation/lifecycle.ts'
import type { Logger } from '../foundation/logger.ts'
import { createMetrics, type Metrics } from '../foundation/metrics.ts'
import { ensurePrivateDirectory } from '../foundation/private-directory.ts'
import { exposeProcess } from '../foundation/process-metrics.ts'
import type { Random } from '../foundation/random.ts'
import { version } from '../foundation/version.ts'
import { acquireLockFile } from '../peer/lock-file.ts'
import { RpcServer } from '../rpc/server.ts'
import type { CallLimits } from '../rpc/server-options.ts'
import { TrustDomain } from '../spiffe/trust-domain.ts'
import { listenForAdministrators } from './admin-listener.ts'
import type { BotLimits } from './agent-connections.ts'
import { auditHandlers } from './api/admin/audit-events.ts'
import { backupHandlers } from './api/admin/backup.ts'
import { botInstanceHandlers } from './api/admin/bot-instances.ts'
import { caHandlers } from './api/admin/cas.ts'
import { explainHandlers } from './api/admin/explain.ts'
import { joinTokenHandlers } from './api/admin/join-tokens.ts'
import { rekeyHandlers } from './api/admin/rekey.ts'
import { resourceHandlers } from './api/admin/resources.ts'
import { statusHandlers } from './api/admin/status.ts'
import { issuanceHandlers } from './api/issuance-service.ts'
import { joinHandlers } from './api/join-service.ts'
import { reportHandlers } from './api/report-service.ts'
import { syncHandlers } from './api/sync-service.ts'
import { SyncStreams } from './api/sync-streams.ts'
import { DiskWatch } from './audit/disk-watch.ts'
import { GivenUp } from './audit/given-up.ts'
import { headKeyPath } from './audit/head-key.ts'
import { authorizer } from './authorize.ts'
import { BackupWriter } from './backup/backup-writer.ts'
import { recordRestore, refuseHalfRestored } from './backup/restore.ts'
import { forgetNowAndThen } from './bots/forgetting.ts'
import { InstanceConnections } from './bots/instance-connections.ts'
import { Renewer } from './bots/renewer.ts'
import { UsedTwice } from './bots/used-twice.ts'
import { type Caller, originOf } from './caller.ts'
import { joinTokenUses } from './datastore/join-token-repository.ts'
import { AuthorityRunningError } from './errors.ts'
import type { BoundsDeps } from './issuance/bounds.ts'
import { Issuer } from './issuance/issuer.ts'
import { SvidRate } from './issuance/svid-rate.ts'
import { JoinTokens } from './join/join-tokens.ts'
import { Joiner } from './join/joiner.ts'
import { joinMethods } from './join/methods/registry.ts'
import { Rekeyer, settleKey } from './keys/rekey.ts'
import { listenForAgents } from './listener.ts'
import { openState } from './open-state.ts'
import { reachableAddress } from './reachable-address.ts'
import { readinessOf } from './readiness.ts'
import { ADMIN_BYTES, ADMIN_MESSAGE_BYTES, AGENT_BYTES, limitsOf } from './request-limits.ts'
import { BotViews } from './resources/bot-view.ts'
import { Catalogue } from './resources/catalogue.ts'
import { compilerFor, defaultLives } from './resources/compiler.ts'
import { factsOf, type InstanceFacts } from './resources/facts.ts'
import { ResourceStore } from './resources/resource-store.ts'
import { warnOfUnsupportedRules } from './resources/stored-role-warnings.ts'
import { botSpecOf } from './resources/stored-specs.ts'

interface AuthorityDeps {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly environment: NodeJS.ProcessEnv
  readonly ready?: (info: AuthorityInfo) => void
  /** Start once with a database that is not as this authority left it. */
  readonly acceptAltered?: boolean
}

interface AuthorityInfo {
  /** The host:port that is actually bound. */
  readonly listen: string
  readonly adminSocket: string
  readonly pin: string
  readonly trustDomain: string
  /** The host:port of /livez, /readyz and /metrics, when they are served. */
  readonly metricsListen?: string
}

export interface RunningAuthority extends AsyncDisposable, AuthorityInfo {
  /** Limits new connections and calls of agents by this configuration from now on. */
  readonly limit: (config: Pick<AuthorityConfig, 'limits'>) => void
}

/** How long running calls may take after the authority is asked to stop. */
const STOP_MS = 2_000

/**
 * Starts an authority and resolves when it serves. Disposing it ends calls with UNAVAILABLE and
 * releases everything.
 */
export async function runAuthority(config: AuthorityConfig, deps: AuthorityDeps): Promise<RunningAuthority> {
  const lifecycle = new Lifecycle()
  try {
    const { info, limit } = await start(config, deps, lifecycle)
    deps.logger.info({ event: 'authority.started', ...info }, 'authority is ready')
    deps.ready?.(info)
    return { ...info, limit, [Symbol.asyncDispose]: () => lifecycle[Symbol.asyncDispose]() }
  } catch (error) {
    await lifecycle[Symbol.asyncDispose]()
    throw error
  }
}

async function start(
  config: AuthorityConfig,
  deps: AuthorityDeps,
  lifecycle: Lifecycle,
): Promise<Pick<RunningAuthority, 'limit'> & { readonly info: AuthorityInfo }> {
  const { clock, random, logger } = deps
  const metrics = createMetrics()
  exposeProcess(metrics)
  const startedMs = clock.now().getTime()

  // State, from the disk up.
  const state = await openDataDirectory(config, deps, metrics, lifecycle)
  const { datastore, repository, audit, keys, locks, bots } = state
  const { judged } = keys
  const trustDomain = keys.trustDomain.name
  const lives = defaultLives(config)
  const compile = compilerFor(trustDomain, lives)
  const catalogue = lifecycle.use(await Catalogue.load(repository, compile))
  warnOfUnsupportedRules(catalogue, logger)
  const views = lifecycle.use(new BotViews(catalogue))

  // What the services need.
  const botCertificateSeconds = config.lifetimes.bot_certificate
  const methods = joinMethods({ random })
  const joiner = lifecycle.use(
    new Joiner({ ...state, methods, judged, clock, random, logger, metrics, botCertificateSeconds }),
  )
  const renewer = new Renewer({ ...state, clock, random, logger, botCertificateSeconds })
  const joinTokens = new JoinTokens({ methods, clock })
  const store = new ResourceStore({
    datastore,
    repository,
    catalogue,
    audit,
    joinTokens,
    compile,
    trustDomain,
    keyLives: { x509Seconds: config.lifetimes.spiffe_ca, jwtSeconds: config.lifetimes.jwt_key },
    clock,
  })
  const traits = (bot: string): Readonly<Record<string, unknown>> => {
    const stored = catalogue.get('bot', bot)
    return stored ? botSpecOf(stored).traits : {}
  }
  const bounds: BoundsDeps = {
    bounds: (bot) => catalogue.bounds(bot),
    lockOn: (subject) => locks.check(subject),
  }
  const issuer = lifecycle.use(
    new Issuer({
      identity: (name) => catalogue.identity(name),
      ...bounds,
      traits,
      keys: () => keys.current(),
      jwt: state.jwt,
      audit,
      clock,
      random,
      logger,
      metrics,
      trustDomain,
    }),
  )
  const usedTwice = lifecycle.use(new UsedTwice({ audit, clock, logger }))
  const connections = new InstanceConnections({ bots, usedTwice, clock })
  const givenUp = lifecycle.use(new GivenUp({ audit, clock, logger }))
  const connected = new SyncStreams({ connections, usedTwice, clock })
  metrics.collected('agents_connected', 'Agents with an open sync stream', () => connected.size)

  // Who may call what.
  const ownUid = process.getuid?.() ?? 0
  const isAdministrator = (uid: number): boolean => uid === 0 || uid === ownUid
  const gate = authorizer({ nowSeconds: () => judged.now().getTime() / 1000, isAdministrator })

  // Agents.
  const { maxStreamsPerConnection, maxCallsOfCaller } = callLimitsOf(config)
  const agents = new RpcServer<Caller>({
    logger,
    metrics,
    clock,
    maxStreamsPerConnection,
    limitsOf,
    keyOf: originOf,
    byteLimits: AGENT_BYTES,
    callCap: { keyOf: originOf, max: maxCallsOfCaller },
  })
  const isServing = (): boolean => readinessOf(state).isReady
  agents.addHealth(isServing, gate)
  agents.add('signet.v1.JoinService', joinHandlers({ joiner, renewer, clock }), gate)
  agents.add(
    'signet.v1.SyncService',
    syncHandlers({
      views,
      keys: keys.watch,
      locks: locks.watch,
      instances: bots.changed,
      defaultLives: lives,
      clock,
      judged,
      trustDomain,
      attributesJson: (instance: InstanceFacts) => JSON.stringify(factsOf(instance, traits(instance.bot))),
      rolesJson: (bot) => JSON.stringify(catalogue.roles(bot)),
      connections,
      streams: connected,
    }),
    gate,
  )
  const rate = new SvidRate(config.limits.svids_per_second, judged)
  const issuance = issuanceHandlers({ issuer, connections, clock: judged, rate })
  agents.add('signet.v1.IssuanceService', issuance, gate)
  const reports = reportHandlers({ connections, audit, givenUp, clock: judged, logger })
  agents.add('signet.v1.ReportService', reports, gate)
  const { listener, limit: limitConnections } = await listenForAgents({
    listen: config.listen,
    limits: botLimitsOf(config),
    keys: () => keys.current(),
    server: agents,
    instances: connections,
    clock: judged,
    logger,
    metrics,
  })
  lifecycle.use(listener)
  lifecycle.use(keys.watch.subscribe(() => listener.reload()))

  // Administrators.
  const publicAddress = config.public_address ?? reachableAddress(listener.address)
  const pin = (): string => keys.current().pin
  const admins = new RpcServer<Caller>({
    logger,
    metrics,
    clock,
    maxStreamsPerConnection: 64,
    maxMessageBytes: ADMIN_MESSAGE_BYTES,
    keyOf: originOf,
    byteLimits: ADMIN_BYTES,
    takesAnyAuthority: true,
    showsErrorCodes: true,
  })
  admins.addHealth(isServing, gate)
  const { address: listen } = listener
  const admin = {
    ...resourceHandlers(store, () => joinTokenUses(state.datastore)),
    ...joinTokenHandlers({ store, pin, publicAddress, trustDomain, clock, random }),
    ...explainHandlers(catalogue, {
      ...bounds,
      keys: () => keys.current(),
      clock,
      defaultLives: lives,
      hasBot: (name) => catalogue.get('bot', name) !== undefined,
      traits,
      instance: (id) => bots.get(id),
    }),
    ...caHandlers(keys),
    ...rekeyHandlers(state.rekeyer),
    ...backupHandlers(state.backups, state.keySource),
    ...botInstanceHandlers({ bots, connected }),
    ...auditHandlers(audit),
    ...statusHandlers({ trustDomain, startedMs, pin, listen, publicAddress, connected, catalogue }),
  }
  admins.add('signet.v1.AdminService', admin, gate)
  const adminListener = lifecycle.use(
    await listenForAdministrators({
      path: config.admin.socket,
      server: admins,
      isAdministrator,
      clock,
      logger,
      metrics,
    }),
  )

  const status = config.metrics
    ? lifecycle.use(
        await startStatusServer({
          listen: config.metrics.listen,
          metrics,
          ready: () => readinessOf(state),
          logger,
          clock,
        }),
      )
    : undefined
  datastore.started()
  await recordRestore(config.data_dir, audit)
  await audit.record('authority.started', 'authority', { version, trustDomain, pin: pin() })
  lifecycle.use(forgetNowAndThen(bots, deps))
  const freeBytes = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(config.data_dir)
    return bavail * bsize
  }
  lifecycle.use(new DiskWatch({ freeBytes, space: () => datastore.space, clock, logger, metrics }))
  lifecycle.defer(async () => {
    listener.stopAccepting()
    adminListener.stopAccepting()
    await Promise.all([agents.shutdown(STOP_MS), admins.shutdown(STOP_MS)])
    await audit.record('authority.stopped', 'authority', { reason: 'asked to stop' })
  })
  const adminSocket = adminListener.path
  const metricsListen = status && { metricsListen: status.address }
  return {
    info: { listen, adminSocket, pin: pin(), trustDomain, ...metricsListen },
    limit: (now) => {
      agents.limit(callLimitsOf(now))
      rate.limit(now.limits.svids_per_second)
      limitConnections(botLimitsOf(now))
    },
  }
}

/** The cap on open calls of a bot or an address is that of a single connection. */
function callLimitsOf({ limits }: Pick<AuthorityConfig, 'limits'>): CallLimits {
  const max = limits.max_streams_per_connection
  return { maxStreamsPerConnection: max, maxCallsOfCaller: max }
}

function botLimitsOf({ limits }: Pick<AuthorityConfig, 'limits'>): BotLimits {
  return {
    max: limits.max_connections,
    maxPerAddress: limits.max_connections_per_address,
  }
}

/** Locks the data directory, loads the key-encryption key and opens the state. */
async function openDataDirectory(
  config: AuthorityConfig,
  deps: AuthorityDeps,
  metrics: Metrics,
  lifecycle: Lifecycle,
) {
  const { clock, random, logger, environment, acceptAltered = false } = deps
  const dataDir = config.data_dir
  await ensurePrivateDirectory(dataDir)
  const lock = acquireLockFile(path.join(dataDir, 'lock'))
  if (!lock) {
    throw new AuthorityRunningError(
      `another authority runs on ${dataDir}: stop it, or give this one a data_dir of its own`,
    )
  }
  lifecycle.use(lock)
  refuseHalfRestored(dataDir)
  const databasePath = path.join(dataDir, 'authority.db')
  const isNeeded = existsSync(databasePath)
  const source = config.key_encryption_key
  const nextKey = nextKeyOf(source)
  const current = await loadKeyIfPresent(source, environment)
  const settled = await settleKey(databasePath, current, { nextKey, environment, logger })
  const kek = loadSealingKey(settled ?? (await loadOrCreateKey(source, environment, random, { isNeeded })))
  const keySource = describeSource(source)
  const trustDomain = TrustDomain.parse(config.trust_domain)
  const { lifetimes, jwt: jwtConfig, renewal_grace: renewalGraceSeconds } = config
  const settings = { dataDir, trustDomain, kek, keySource, lifetimes, jwt: jwtConfig, renewalGraceSeconds }
  const parts = { clock, random, logger, metrics, acceptAltered }
  const { vault, ...state } = await openState(settings, parts, lifecycle)
  const rekeyer = new Rekeyer({
    datastore: state.datastore,
    vault,
    audit: state.audit,
    headKeyPath: headKeyPath(dataDir),
    keySource,
    nextKey,
    environment,
    random,
    logger,
  })
  const backups = new BackupWriter({ ...state, vault, dataDir, keySource, clock })
  return { ...state, repository: state.resources, rekeyer, backups, keySource, clock }
}
