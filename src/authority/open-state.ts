import type { KeyObject } from 'node:crypto'
import path from 'node:path'
import type { Clock } from '../foundation/clock.ts'
import type { Lifecycle } from '../foundation/lifecycle.ts'
import type { Logger } from '../foundation/logger.ts'
import type { Metrics } from '../foundation/metrics.ts'
import type { Random } from '../foundation/random.ts'
import type { TrustDomain } from '../spiffe/trust-domain.ts'
import { AuditLog } from './audit/audit-log.ts'
import { headKeyPath, pastOf } from './audit/head-key.ts'
import { Bots } from './bots/bots.ts'
import { Locks } from './bots/locks.ts'
import { LogGaps } from './bots/log-gaps.ts'
import { ResourceRepository } from './datastore/resource-repository.ts'
import { SqliteDatastore } from './datastore/sqlite/sqlite-datastore.ts'
import { Vault } from './datastore/vault.ts'
import { JwtAlgorithms, type JwtConfig } from './keys/jwt-algorithms.ts'
import type { CaLifetimes } from './keys/key-factory.ts'
import { SigningKeys } from './keys/signing-keys.ts'

interface StateSettings {
  readonly dataDir: string
  readonly trustDomain: TrustDomain
  readonly kek: KeyObject
  /** Where the key-encryption key comes from, for messages. */
  readonly keySource: string
  readonly lifetimes: CaLifetimes
  readonly jwt: JwtConfig
  readonly renewalGraceSeconds: number
}

interface StateDeps {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly acceptAltered: boolean
}

/** Opens the database, audit log, keys, locks and bots, on which everything else builds. */
export async function openState(settings: StateSettings, deps: StateDeps, lifecycle: Pick<Lifecycle, 'use'>) {
  const { dataDir, trustDomain, kek, lifetimes, renewalGraceSeconds } = settings
  const { clock, random, logger, metrics, acceptAltered } = deps
  const datastore = lifecycle.use(
    await SqliteDatastore.open(path.join(dataDir, 'authority.db'), {
      clock,
      metrics,
      logger,
      kek,
      keySource: settings.keySource,
      past: await pastOf(headKeyPath(dataDir), kek),
      acceptAltered,
    }),
  )
  const vault = await Vault.open(datastore, { key: kek, trustDomain })
  const gaps = await LogGaps.open(datastore, clock)
  const audit = lifecycle.use(
    await AuditLog.open({ datastore, vault, dataDir, clock, random, logger, acceptAltered }),
  )
  const jwt = new JwtAlgorithms(settings.jwt)
  const shared = { datastore, audit, renewalGraceSeconds, logger }
  const keys = lifecycle.use(
    await SigningKeys.open({ ...shared, vault, lifetimes, jwt, clock, random, metrics }),
  )
  const resources = new ResourceRepository(datastore, clock)
  const locks = lifecycle.use(await Locks.open(resources, keys.judged))
  const bots = lifecycle.use(await Bots.open({ ...shared, resources, locks, gaps, clock: keys.judged }))
  return { datastore, vault, resources, audit, jwt, keys, locks, bots }
}
