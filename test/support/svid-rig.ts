import { generateKeyPairSync } from 'node:crypto'
import { SvidCache } from '../../src/agent/svid-cache/svid-cache.ts'
import type { CachedX509Svid, X509State } from '../../src/agent/svid-cache/x509-entry.ts'
import type { Knowledge } from '../../src/agent/sync/knowledge.ts'
import type { KeyPair } from '../../src/crypto/keys.ts'
import { silentLogger } from '../../src/foundation/logger.ts'
import { createMetrics, type Metrics } from '../../src/foundation/metrics.ts'
import { Watchable } from '../../src/foundation/watchable.ts'
import type { Grant } from '../../src/policy/compile.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { FakeIssuer } from '../fakes/fake-issuer.ts'
import { type Identities, knowledgeOf } from '../fakes/fake-knowledge.ts'
import { FakeRandom } from '../fakes/fake-random.ts'

export const WORKLOAD = { unix: { uid: 1000 } }

export const GRANT: Grant = {
  identity: 'web',
  revision: '1',
  spiffeId: 'spiffe://example.org/web',
  hint: '',
  priority: 100,
  x509: { ttlSeconds: 3600, keyType: 'ec-p256', dnsSans: [] },
  jwt: { ttlSeconds: 300, extraClaims: {} },
  federatesWith: [],
  key: 'web/1/spiffe://example.org/web',
  rule: 'allow[0]',
}

const WEB: Identities = { web: { spiffe_id: '/web', allow: [{ when: 'true' }] } }

/** An SVID cache with its dependencies and a fake clock. */
export interface SvidRig {
  readonly cache: SvidCache
  readonly issuer: FakeIssuer
  readonly clock: FakeClock
  readonly random: FakeRandom
  readonly metrics: Metrics
  ensure(): X509State
  /** Resolves at the next change of an X.509-SVID. */
  changed(): Promise<void>
  issued(): Promise<CachedX509Svid>
  /** Replaces what the agent knows. */
  learn(more: Partial<Knowledge>, identities?: Identities): void
  /** Lets pending work finish. */
  turn(): Promise<void>
  /** Moves time, and lets the work that becomes due finish. */
  pass(ms: number): Promise<void>
}

export async function createSvidRig(
  shared: { readonly issuer?: FakeIssuer; readonly clock?: FakeClock } = {},
): Promise<SvidRig> {
  const clock = shared.clock ?? new FakeClock()
  const issuer = shared.issuer ?? (await FakeIssuer.create(clock))
  const random = new FakeRandom()
  const metrics = createMetrics()
  const knowledge = new Watchable<Knowledge | undefined>(knowledgeOf(issuer, WEB))
  // Generated synchronously, not in another thread, so that work which becomes due ends within a
  // few turns of the event loop.
  const keys = { expect: () => undefined, take: async () => makeKeyPair() }
  const cache = new SvidCache({ issuer, knowledge, clock, random, logger: silentLogger, metrics, keys })
  let changes = 0
  cache.onX509Change(() => {
    changes += 1
  })
  const ensure = (): X509State => cache.ensureX509(GRANT, WORKLOAD)
  const turn = async (): Promise<void> => {
    for (let step = 0; step < 3; step += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  const changed = async (): Promise<void> => {
    const before = changes
    while (changes === before) await turn()
  }
  return {
    cache,
    issuer,
    clock,
    random,
    metrics,
    ensure,
    changed,
    turn,
    issued: async () => {
      ensure()
      await changed()
      const { svid } = ensure()
      if (!svid) throw new TypeError('nothing was issued')
      return svid
    },
    learn: (more, identities = WEB) => knowledge.set(knowledgeOf(issuer, identities, more)),
    pass: async (ms) => {
      clock.advance(ms)
      await turn()
    },
  }
}

function makeKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, publicKey, publicKeyDer: publicKey.export({ type: 'spki', format: 'der' }) }
}
