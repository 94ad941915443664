import { parseCertificate } from '../../crypto/x509.ts'
import type { Clock } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import { Watchable } from '../../foundation/watchable.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { LifeLimits } from '../../policy/life.ts'
import { Policy } from '../../policy/policy.ts'
import type { SyncResponse__Output } from '../../rpc/gen/signet/v1/SyncResponse.ts'
import { Bundle } from '../../spiffe/bundle.ts'
import { SyncInvalidError } from './errors.ts'
import { compileRecord, type IdentityRecord } from './identity-record.ts'
import type { Knowledge } from './knowledge.ts'
import type { BundleRecord, KnowledgeRecord, SavedBot } from './knowledge-record.ts'
import { type FederatedRecord, FederationPages, KnownFederation, tellWithheld } from './known-federation.ts'
import { KnownLocks, type LockRecord } from './known-locks.ts'
import { KnownRoles } from './known-roles.ts'

/** Everything received so far. */
interface Heard {
  identities: Map<string, IdentityRecord>
  policy: Policy
  bot?: SavedBot
  bundleRecord?: BundleRecord
  bundle?: Bundle
  federation: KnownFederation
  facts: Knowledge['facts']
  roles: KnownRoles
  locks: readonly LockRecord[]
}

interface KnowledgeStoreDeps {
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Turns the messages of the sync stream into knowledge. The cost of a small change does not depend
 * on how much is known already.
 */
export class KnowledgeStore {
  readonly current = new Watchable<Knowledge | undefined>(undefined)
  readonly #deps: KnowledgeStoreDeps
  #trustDomain: string | undefined
  #heard: Heard = nothingHeard()
  /** A snapshot that is still being received; it is applied as a whole. */
  #incoming:
    | {
        readonly names: Set<string>
        readonly upserts: IdentityRecord[]
        readonly head: SyncResponse__Output
        federated?: readonly FederatedRecord[]
      }
    | undefined
  readonly #federationPages = new FederationPages()
  #refused = false
  #syncedMs = 0
  #version = 0

  constructor(deps: KnowledgeStoreDeps) {
    this.#deps = deps
  }

  /** When the last message of the authority was received; 0 if never. Milliseconds since 1970. */
  get syncedMs(): number {
    return this.#syncedMs
  }

  get trustDomain(): string {
    return this.#trustDomain ?? ''
  }

  /** A sentence about a lock on this agent's bot, also before the first snapshot. */
  get botLock(): string | undefined {
    return this.#locks().onBot
  }

  /** Sets the trust domain whose messages are accepted. Knowledge of another one is dropped. */
  belongTo(trustDomain: string): void {
    if (this.#trustDomain === trustDomain) return
    this.#trustDomain = trustDomain
    this.#heard = nothingHeard()
    if (this.current.value !== undefined) this.current.set(undefined)
  }

  /**
   * Applies a message. Returns true if it completed a snapshot.
   * @throws SyncInvalidError and parse errors if the message is invalid; the knowledge then stays
   * as it was
   */
  apply(message: SyncResponse__Output): boolean {
    if (message.trustDomain !== '' && message.trustDomain !== this.#trustDomain) {
      throw new SyncInvalidError(
        `the authority speaks for ${message.trustDomain}, not for ${this.#trustDomain}`,
      )
    }
    if (message.snapshotBegin) {
      this.#federationPages.abandon()
      this.#incoming = { names: new Set(), upserts: [], head: message }
    }
    const { snapshotEnd, federatedBundles } = message
    const federated = federatedBundles ? this.#federationPages.take(federatedBundles) : undefined
    if (this.#incoming !== undefined) {
      for (const { name } of message.upserts) this.#incoming.names.add(name)
      this.#incoming.upserts.push(...message.upserts)
      if (federated !== undefined) this.#incoming.federated = federated
      if (snapshotEnd) this.#endSnapshot()
    } else {
      this.#take({ ...message, federated })
    }
    this.#syncedMs = this.#deps.clock.now().getTime()
    return snapshotEnd
  }

  /** The stream broke: drops an incomplete snapshot. */
  abandon(): void {
    this.#incoming = undefined
    this.#federationPages.abandon()
  }

  /** The authority refuses this bot: grants nothing until a new snapshot is received. */
  refuse(): void {
    if (this.#refused) return
    this.#refused = true
    this.#publish()
  }

  /** What to save for a restart; undefined before the first sync. */
  snapshot(): KnowledgeRecord | undefined {
    const { bot, bundleRecord, federation, locks, identities } = this.#heard
    if (bot === undefined || bundleRecord === undefined || this.#trustDomain === undefined) return undefined
    return {
      version: 1,
      trustDomain: this.#trustDomain,
      syncedMs: this.#syncedMs,
      bot,
      bundle: bundleRecord,
      federated: federation.records,
      locks: this.#refused ? [...locks, { bot: bot.name, expiresMs: '0' }] : locks,
      identities: [...identities.values()],
    }
  }

  /** Restores what an earlier run saved, if it is valid and of this trust domain. */
  restore(kept: unknown): void {
    const record = kept as Partial<KnowledgeRecord> | undefined
    if (record?.version !== 1 || record.trustDomain !== this.#trustDomain) return
    try {
      this.#takeBack(record as KnowledgeRecord)
    } catch (error) {
      this.#heard = nothingHeard()
      this.#deps.logger.error(
        { event: 'state.ignored', reason: messageOf(error) },
        'the saved policy cannot be used',
      )
    }
  }

  #takeBack(record: KnowledgeRecord): void {
    const { bot, bundle, federated, locks, identities } = record
    this.#hearBot(bot)
    this.#hearBundle(bundle)
    this.#hearFederated(federated)
    this.#heard.locks = locks
    this.#hearIdentities(identities, [])
    this.#syncedMs = record.syncedMs
    this.#publish()
  }

  #endSnapshot(): void {
    const incoming = this.#incoming
    this.#incoming = undefined
    if (incoming === undefined) return
    const gone = [...this.#heard.identities.keys()].filter((name) => !incoming.names.has(name))
    const wasRefused = this.#refused
    this.#refused = false
    const { head, upserts, federated } = incoming
    this.#take({ ...head, upserts, removals: gone, federated }, wasRefused)
  }

  #take(
    said: Pick<SyncResponse__Output, 'bot' | 'bundle' | 'locks'> & {
      readonly upserts: readonly IdentityRecord[]
      readonly removals: readonly string[]
      readonly federated: readonly FederatedRecord[] | undefined
    },
    force = false,
  ): void {
    const { bot, bundle, federated, locks, upserts, removals } = said
    let changed = force
    // What may be invalid is processed first, so that a message takes effect as a whole or not at
    // all.
    if (bundle) {
      const { spiffeBundle, ...keys } = bundle
      const json = spiffeBundle.toString()
      changed = this.#hearBundle({ json, ...keys }) || changed
    }
    if (federated) changed = this.#hearFederated(federated) || changed
    if (bot) changed = this.#hearBot(bot) || changed
    if (locks) changed = this.#hearLocks(locks.locks) || changed
    if (this.#hearIdentities(upserts, removals)) changed = true
    if (changed) this.#publish()
  }

  #hearBundle(record: BundleRecord): boolean {
    if (JSON.stringify(record) === JSON.stringify(this.#heard.bundleRecord)) return false
    if (record.json !== this.#heard.bundleRecord?.json) {
      this.#heard.bundle = Bundle.parse(this.trustDomain, record.json)
      tellWithheld(this.#heard.bundle, this.#deps.logger)
    }
    this.#heard.bundleRecord = record
    return true
  }

  #hearFederated(records: readonly FederatedRecord[]): boolean {
    const before = this.#heard.federation
    this.#heard.federation = before.with(records, this.trustDomain, this.#deps.logger)
    return this.#heard.federation !== before
  }

  #hearBot({ name, instanceId, attributesJson, rolesJson = '' }: SavedBot): boolean {
    const record = { name, instanceId, attributesJson, rolesJson }
    if (JSON.stringify(record) === JSON.stringify(this.#heard.bot)) return false
    const { join, bot } = JSON.parse(attributesJson) as { join?: Attributes; bot?: Attributes }
    // Decisions about callers also depend on these. A new policy object makes every caller be
    // decided anew.
    if (attributesJson !== this.#heard.bot?.attributesJson) this.#heard.policy = this.#heard.policy.with({})
    this.#heard.facts = { join: join ?? {}, bot: bot ?? {} }
    this.#heard.roles = KnownRoles.parse(rolesJson, this.#deps.logger)
    this.#heard.bot = record
    return true
  }

  #hearLocks(locks: readonly LockRecord[]): boolean {
    if (JSON.stringify(locks) === JSON.stringify(this.#heard.locks)) return false
    this.#heard.locks = locks
    return true
  }

  #hearIdentities(upserts: readonly IdentityRecord[], removals: readonly string[]): boolean {
    const { identities, policy } = this.#heard
    const newer = upserts.filter(({ name, revision, specJson }) => {
      const known = identities.get(name)
      // The text is compared too, because an authority that was restored from a backup may reuse a
      // revision.
      return known?.revision !== revision || known.specJson !== specJson
    })
    const gone = removals.filter((name) => identities.has(name))
    if (newer.length + gone.length === 0) return false
    const compiled = newer.map((record) => compileRecord(record, this.trustDomain, this.#deps.logger))
    for (const name of gone) identities.delete(name)
    for (const { name, revision, labels, specJson } of newer)
      identities.set(name, { name, revision, labels, specJson })
    const notUnderstood = newer.filter((_, index) => compiled[index] === undefined).map(({ name }) => name)
    this.#heard.policy = policy.with({
      upserts: compiled.filter((each) => each !== undefined),
      removals: [...gone, ...notUnderstood],
    })
    return true
  }

  #locks(): KnownLocks {
    return new KnownLocks(this.#heard.locks, () => this.#deps.clock.now().getTime())
  }

  #publish(): void {
    const { policy, bundle, bundleRecord, federation, facts, roles, bot } = this.#heard
    if (bundle === undefined || bundleRecord === undefined || bot === undefined) return
    const locks = this.#locks()
    const isRefused = this.#refused
    this.#version += 1
    this.current.set({
      policy,
      bundle,
      federatedBundles: federation.bundles,
      facts,
      activeX509KeyId: bundleRecord.activeX509KeyId,
      activeJwtKeyIds: activeJwtKeyIds(bundleRecord),
      taintedKeyIds: new Set(bundleRecord.taintedKeyIds),
      checkRoles: (grant, labels) => roles.check(grant, labels),
      lockOn: (subject) => locks.on(subject),
      lifeLimits: (roleMaxTtlSeconds) => lifeLimits(bundle, bundleRecord, roleMaxTtlSeconds),
      get botLock() {
        return isRefused ? 'the authority refuses the bot of this agent' : locks.onBot
      },
      version: this.#version,
    })
  }
}

function activeJwtKeyIds({ activeJwtKeyId, activeJwtKeyIds = [] }: BundleRecord): ReadonlySet<string> {
  return new Set(activeJwtKeyIds.length > 0 ? activeJwtKeyIds : [activeJwtKeyId])
}

function lifeLimits(
  bundle: Bundle,
  { svidLives, activeX509KeyId }: BundleRecord,
  roleMaxTtlSeconds: number | undefined,
): LifeLimits | undefined {
  if (!svidLives) return undefined
  const signer = bundle.x509Authorities
    .map((der) => parseCertificate(der))
    .find(({ subjectKeyId }) => subjectKeyId === activeX509KeyId)
  return {
    defaultX509Seconds: Number(svidLives.defaultX509Seconds),
    defaultJwtSeconds: Number(svidLives.defaultJwtSeconds),
    roleMaxTtlSeconds,
    x509SignerEndMs: signer && signer.notAfter * 1000,
    jwtSignerEndMs: Number(svidLives.jwtSignerNotAfter) * 1000,
  }
}

function nothingHeard(): Heard {
  return {
    identities: new Map(),
    policy: Policy.empty,
    federation: KnownFederation.none,
    facts: { join: {}, bot: {} },
    roles: KnownRoles.unknown,
    locks: [],
  }
}
