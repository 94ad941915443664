import { systemClock } from '../../src/foundation/clock.ts'
import { silentLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { loadKernel } from '../../src/peer/koffi-kernel.ts'
import { UnixListener } from '../../src/peer/unix-listener.ts'

/**
 * A listener that greets every connection. unix-listener.test.ts starts it with a low limit of file
 * descriptors.
 */
await UnixListener.listen({
  path: process.argv[2] ?? '',
  mode: 0o777,
  kernel: loadKernel(),
  maxConnections: 1_000,
  maxConnectionsPerUid: 1_000,
  clock: systemClock,
  logger: silentLogger,
  metrics: createMetrics(),
  onConnection: (socket) => socket.resume().write('hello'),
})
process.stdout.write('listening\n')
