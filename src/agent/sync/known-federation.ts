import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { FederatedBundleList__Output } from '../../rpc/gen/signet/v1/FederatedBundleList.ts'
import { Bundle } from '../../spiffe/bundle.ts'

/** The bundle of a foreign trust domain, as text. */
export interface FederatedRecord {
  readonly trustDomain: string
  readonly json: string
}

/**
 * The bundles of the foreign trust domains with which workload identities of this bot federate.
 * Immutable.
 */
export class KnownFederation {
  static readonly none = new KnownFederation([], new Map())
  /** As received, for the saved state. */
  readonly records: readonly FederatedRecord[]
  readonly bundles: ReadonlyMap<string, Bundle>

  private constructor(records: readonly FederatedRecord[], bundles: ReadonlyMap<string, Bundle>) {
    this.records = records
    this.bundles = bundles
  }

  /**
   * Returns a successor with exactly these bundles, or this object if nothing changed. An invalid
   * bundle, which a newer authority may send, is not trusted, and neither is the previous one of
   * that trust domain; the others are not affected. Within a bundle, keys are judged one by one. A
   * bundle of the agent's own trust domain is ignored.
   */
  with(records: readonly FederatedRecord[], ownTrustDomain: string, logger: Logger): KnownFederation {
    if (JSON.stringify(records) === JSON.stringify(this.records)) return this
    const before = new Map(this.records.map(({ trustDomain, json }) => [trustDomain, json]))
    const bundles = new Map<string, Bundle>()
    for (const { trustDomain, json } of records) {
      if (trustDomain === ownTrustDomain) continue
      const known = before.get(trustDomain) === json ? this.bundles.get(trustDomain) : undefined
      const bundle = known ?? parse(trustDomain, json, logger)
      if (bundle !== undefined) bundles.set(trustDomain, bundle)
    }
    return new KnownFederation(records, bundles)
  }
}

function parse(trustDomain: string, json: string, logger: Logger): Bundle | undefined {
  try {
    const bundle = Bundle.parse(trustDomain, json)
    tellWithheld(bundle, logger)
    return bundle
  } catch (error) {
    logger.error(
      { event: 'federation.not_understood', trustDomain, reason: messageOf(error) },
      'the bundle of a foreign trust domain is ignored: is the authority newer than this agent?',
    )
    return undefined
  }
}

const MAX_TOLD = 8

/**
 * Logs keys that are withheld, once per state of a bundle. The authority reported them at `apply`,
 * too.
 */
export function tellWithheld({ trustDomain, skippedParts }: Bundle, logger: Logger): void {
  const withheld = skippedParts.filter(({ isUnknown }) => !isUnknown)
  if (withheld.length === 0) return
  const reasons = withheld.slice(0, MAX_TOLD).map(({ where, reason }) => `${where}: ${reason}`)
  logger.warn(
    { event: 'bundle.key_withheld', trustDomain, withheld: withheld.length, reasons },
    'keys of a bundle are not delivered, because they are broken or some clients could not read them; the other keys are',
  )
}

/** Assembles a list that is sent in several messages. */
export class FederationPages {
  #records: FederatedRecord[] = []

  /** Returns the whole list once the last page was received. */
  take(page: FederatedBundleList__Output): readonly FederatedRecord[] | undefined {
    for (const { trustDomain, spiffeBundle } of page.bundles) {
      this.#records.push({ trustDomain, json: spiffeBundle.toString() })
    }
    if (page.more) return undefined
    const whole = this.#records
    this.#records = []
    return whole
  }

  /** Drops an incomplete list. */
  abandon(): void {
    this.#records = []
  }
}
