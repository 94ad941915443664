import type { TLSSocket } from 'node:tls'
import type { Certificate } from '../crypto/x509.ts'
import type { Clock, Scheduled } from '../foundation/clock.ts'
import { CodedError } from '../foundation/errors.ts'
import type { Logger } from '../foundation/logger.ts'
import type { Metrics } from '../foundation/metrics.ts'
import type { RpcServer } from '../rpc/server.ts'
import { TlsListener } from '../rpc/tls-listener.ts'
import type { CaState } from './ca/authorities.ts'
import { botCallerOf, type Caller } from './caller.ts'
import { ConnectionExpiredError } from './errors.ts'

export interface ListenerDeps {
  readonly listen: string
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly ca: () => CaState
  readonly server: RpcServer<Caller>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Long enough to join or to renew; such connections prove nothing about who holds them. */
const UNPROVEN_CONNECTION_MS = 30_000

/** Timers stand still while the host sleeps, certificates do not: the wall clock is asked at least this often. */
const LONGEST_WAIT_MS = 60_000

/** Accepts TLS connections and fixes who calls, from the client certificate, before the first byte of HTTP/2. */
export function listenForAgents(deps: ListenerDeps): Promise<TlsListener> {
  return TlsListener.listen({
    listen: deps.listen,
    maxConnections: deps.maxConnections,
    maxConnectionsPerAddress: deps.maxConnectionsPerAddress,
    tls: () => {
      const { serverTls, controlRoots, controlIssuers } = deps.ca()
      return {
        chain: serverTls.chain,
        key: serverTls.key,
        clientRoots: controlRoots,
        clientIssuers: controlIssuers,
      }
    },
    onConnection: (socket, certificate) => accept(deps, socket, certificate),
    clock: deps.clock,
    logger: deps.logger,
    metrics: deps.metrics,
  })
}

function accept(deps: ListenerDeps, socket: TLSSocket, certificate: Certificate | undefined): void {
  const nowMs = deps.clock.now().getTime()
  const address = socket.remoteAddress ?? 'unknown'
  let caller: Caller
  try {
    caller = certificate ? botCallerOf(certificate, nowMs / 1000, address) : { kind: 'anonymous', address }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    deps.logger.warn({ event: 'connection.refused', address, reason: error.message }, 'connection refused')
    socket.destroy()
    return
  }
  const connection = deps.server.accept(socket, caller)
  const lifeMs =
    caller.kind === 'bot' && !caller.expired ? caller.notAfter * 1000 - nowMs : UNPROVEN_CONNECTION_MS
  const ending = onBothClocks(deps.clock, lifeMs, () =>
    deps.server.endConnection(connection, new ConnectionExpiredError('the connection has come to its end')),
  )
  void connection.closed.then(() => ending.cancel())
}

/** Calls `task` when so much time has passed on the wall clock or on the monotonic one, whichever comes first. */
function onBothClocks(clock: Clock, ms: number, task: () => void): Scheduled {
  const wallEndMs = clock.now().getTime() + ms
  const endMs = clock.monotonicMs() + ms
  let waiting: Scheduled | undefined
  const wait = (): void => {
    const leftMs = Math.min(wallEndMs - clock.now().getTime(), endMs - clock.monotonicMs())
    if (leftMs <= 0) task()
    else waiting = clock.schedule(Math.min(LONGEST_WAIT_MS, leftMs), wait)
  }
  wait()
  return { cancel: () => waiting?.cancel() }
}
