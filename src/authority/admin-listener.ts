import type { Clock } from '../foundation/clock.ts'
import type { Logger } from '../foundation/logger.ts'
import type { Metrics } from '../foundation/metrics.ts'
import { loadKernel } from '../peer/koffi-kernel.ts'
import { UnixListener } from '../peer/unix-listener.ts'
import type { RpcServer } from '../rpc/server.ts'
import type { Caller } from './caller.ts'

const MAX_CONNECTIONS = 256

interface AdminListenerDeps {
  /** Path of the socket. Its mode is 0600 and its directory's 0700. */
  readonly path: string
  readonly server: RpcServer<Caller>
  readonly isAdministrator: (uid: number) => boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/**
 * Listens for administrators on a Unix socket. The kernel says who connects, and each connection
 * carries that uid and login uid.
 */
export function listenForAdministrators(deps: AdminListenerDeps): Promise<UnixListener> {
  const { path, server, isAdministrator, clock, logger, metrics } = deps
  return UnixListener.listen({
    path,
    mode: 0o600,
    directoryMode: 0o700,
    privateDirectory: true,
    kernel: loadKernel(),
    maxConnections: MAX_CONNECTIONS,
    maxConnectionsPerUid: MAX_CONNECTIONS,
    allowUid: isAdministrator,
    clock,
    logger,
    metrics,
    onConnection: (socket, { credentials: { uid, pid }, loginUid }) => {
      server.accept(socket, { kind: 'admin', uid, pid, ...(loginUid === undefined ? {} : { loginUid }) })
    },
  })
}
