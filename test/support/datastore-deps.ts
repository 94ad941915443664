import type { DatastoreDeps } from '../../src/authority/datastore/datastore.ts'
import { loadSealingKey } from '../../src/crypto/sealed.ts'
import { silentLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

/** What a datastore needs, where a test is not about any of it. */
export function datastoreDeps(more: Partial<DatastoreDeps> = {}): DatastoreDeps {
  return {
    clock: new FakeClock(),
    metrics: createMetrics(),
    logger: silentLogger,
    kek: loadSealingKey(Buffer.alloc(32, 7)),
    keySource: '/etc/signet/kek',
    past: 'none',
    ...more,
  }
}
