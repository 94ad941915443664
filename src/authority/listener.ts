import type { TLSSocket } from 'node:tls'
import type { Certificate } from '../crypto/x509.ts'
import type { Clock, Scheduled } from '../foundation/clock.ts'
import { CodedError } from '../foundation/errors.ts'
import type { Logger } from '../foundation/logger.ts'
import type { Metrics } from '../foundation/metrics.ts'
import { resourcesOfThisProcess } from '../peer/connection-limits.ts'
import { RefusedConnections } from '../peer/refused-connections.ts'
import type { RpcServer } from '../rpc/server.ts'
import { TlsListener } from '../rpc/tls-listener.ts'
import { AgentConnections, type BotLimits, type Places, placesFor } from './agent-connections.ts'
import type { InstanceConnections } from './bots/instance-connections.ts'
import { type AnonymousCaller, type BotCaller, botCallerOf, type Caller } from './caller.ts'
import { ConnectionExpiredError, TooManyConnectionsError } from './errors.ts'
import type { KeysInUse } from './keys/signing-keys.ts'

interface ListenerDeps {
  readonly listen: string
  readonly limits: BotLimits
  readonly keys: () => KeysInUse
  readonly server: RpcServer<Caller>
  readonly instances: InstanceConnections
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Long enough to join or to renew. The caller of such a connection has not proved who it is. */
const UNPROVEN_CONNECTION_MS = 30_000

/**
 * The wall clock is checked at least this often, because timers stop while the host sleeps but
 * certificates age.
 */
const MAX_WAIT_MS = 60_000

/**
 * Accepts TLS connections and establishes the caller, from the client certificate, before HTTP/2
 * reads a byte.
 */
export async function listenForAgents(deps: ListenerDeps): Promise<AgentListener> {
  const { bots: max, anonymous: maxAnonymous, handshakes } = possiblePlaces(deps.limits, deps.logger)
  const { maxPerAddress } = deps.limits
  const connections = new AgentConnections({ max, maxPerAddress, maxAnonymous, clock: deps.clock })
  const admission: Admission = { connections, refusals: new RefusedConnections(deps) }
  const listener = await TlsListener.listen({
    listen: deps.listen,
    maxHandshakes: handshakes,
    tls: () => {
      const { serverTls, controlRoots, controlIssuers } = deps.keys()
      return {
        chain: serverTls.chain,
        key: serverTls.key,
        clientRoots: controlRoots,
        clientIssuers: controlIssuers,
      }
    },
    onConnection: (socket, certificate) => accept(deps, admission, socket, certificate),
    clock: deps.clock,
    logger: deps.logger,
    metrics: deps.metrics,
  })
  const limit = (limits: BotLimits): void => {
    const { bots } = possiblePlaces(limits, deps.logger)
    connections.limit({ ...limits, max: bots })
  }
  return { listener, limit }
}

interface AgentListener {
  readonly listener: TlsListener
  /** Sets the limits for connections of bots to come. Those that are open stay. */
  readonly limit: (limits: BotLimits) => void
}

/** The configured limits, lowered to what this process can hold. */
function possiblePlaces({ max: configured }: BotLimits, logger: Logger): Places {
  const { openFiles } = resourcesOfThisProcess()
  const places = placesFor(configured, openFiles)
  if (places.bots < configured) {
    logger.info(
      { event: 'connections.limited', configured, possible: places.bots, openFiles },
      'too few file descriptors or too little memory for the configured number of connections',
    )
  }
  return places
}

interface Admission {
  readonly connections: AgentConnections
  readonly refusals: RefusedConnections
}

function accept(
  deps: ListenerDeps,
  { connections, refusals }: Admission,
  socket: TLSSocket,
  certificate: Certificate | undefined,
): void {
  const { server, clock } = deps
  const nowMs = clock.now().getTime()
  const address = socket.remoteAddress ?? 'unknown'
  const caller = callerOf(deps, certificate, address)
  if (caller === undefined) {
    socket.destroy()
    return
  }
  if (caller.kind === 'bot' && !deps.instances.mayConnect(caller)) {
    refusals.record('instance_rate', { botInstance: caller.instanceId })
    socket.destroy()
    return
  }
  const evict = (): void => {
    refusals.record('evicted', { address })
    server.endConnection(connection, new TooManyConnectionsError('too many connections: try again'))
  }
  const place = connections.admit(caller, evict)
  if (typeof place === 'string') {
    refusals.record(place, { address })
    socket.destroy()
    return
  }
  const connection = server.accept(socket, caller)
  if (caller.kind === 'bot') {
    deps.instances.add(connection, caller, (oldest, error) => server.endConnection(oldest, error))
  }
  const lifeMs =
    caller.kind === 'bot' && !caller.expired ? caller.notAfter * 1000 - nowMs : UNPROVEN_CONNECTION_MS
  const ending = onBothClocks(clock, lifeMs, () =>
    server.endConnection(connection, new ConnectionExpiredError('the connection has reached its time limit')),
  )
  void connection.closed.then(() => {
    place.leave()
    ending.cancel()
  })
}

function callerOf(
  { clock, logger }: ListenerDeps,
  certificate: Certificate | undefined,
  address: string,
): AnonymousCaller | BotCaller | undefined {
  if (certificate === undefined) return { kind: 'anonymous', address }
  try {
    return botCallerOf(certificate, clock.now().getTime() / 1000, address)
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    logger.warn({ event: 'connection.refused', address, reason: error.message }, 'connection refused')
    return undefined
  }
}

/**
 * Calls `task` after this many milliseconds on the wall clock or the monotonic clock, whichever comes
 * first.
 */
function onBothClocks(clock: Clock, ms: number, task: () => void): Scheduled {
  const wallEndMs = clock.now().getTime() + ms
  const endMs = clock.monotonicMs() + ms
  let waiting: Scheduled | undefined
  const wait = (): void => {
    const leftMs = Math.min(wallEndMs - clock.now().getTime(), endMs - clock.monotonicMs())
    if (leftMs <= 0) task()
    else waiting = clock.schedule(Math.min(MAX_WAIT_MS, leftMs), wait)
  }
  wait()
  return { cancel: () => waiting?.cancel() }
}
