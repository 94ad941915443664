import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { FederatedBundleList__Output } from '../../rpc/gen/signet/v1/FederatedBundleList.ts'
import { Bundle } from '../../spiffe/bundle.ts'

/** The bundle of a foreign trust domain, as text. */
export interface FederatedRecord {
  readonly trustDomain: string
  readonly json: string
}

/** The bundles of foreign trust domains that workload identities of this bot federate with. It does not change. */
export class KnownFederation {
  static readonly none = new KnownFederation([], new Map())
  /** As they came, to be kept over a restart. */
  readonly records: readonly FederatedRecord[]
  readonly bundles: ReadonlyMap<string, Bundle>

  private constructor(records: readonly FederatedRecord[], bundles: ReadonlyMap<string, Bundle>) {
    this.records = records
    this.bundles = bundles
  }

  /**
   * The successor with exactly these; itself when nothing changed. What is no bundle is not trusted, nor is the one before it, and the
   * others go on: it may be in words of a newer authority. Within one, each key stands for itself. The own trust domain is not foreign, whatever is said of it.
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

/** Once for each state of a bundle; the authority's `apply` has said it to whoever brought it. */
export function tellWithheld({ trustDomain, passedOver }: Bundle, logger: Logger): void {
  const withheld = passedOver.filter(({ isUnknown }) => !isUnknown)
  if (withheld.length === 0) return
  const reasons = withheld.slice(0, MAX_TOLD).map(({ where, reason }) => `${where}: ${reason}`)
  logger.warn(
    { event: 'bundle.key_withheld', trustDomain, withheld: withheld.length, reasons },
    'keys of a bundle are not delivered, because they are broken or some clients could not read them; the other keys are',
  )
}

/** Puts together a list that comes in several messages. */
export class FederationPages {
  #records: FederatedRecord[] = []

  /** The whole list once its last page has come. */
  take(page: FederatedBundleList__Output): readonly FederatedRecord[] | undefined {
    for (const { trustDomain, spiffeBundle } of page.bundles) {
      this.#records.push({ trustDomain, json: spiffeBundle.toString() })
    }
    if (page.more) return undefined
    const whole = this.#records
    this.#records = []
    return whole
  }

  /** What has come of a list so far is none. */
  abandon(): void {
    this.#records = []
  }
}
