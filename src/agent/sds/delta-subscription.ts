import type { DeltaDiscoveryRequest__Output } from '../../rpc/gen/envoy/service/discovery/v3/DeltaDiscoveryRequest.ts'
import type { FoundSecret } from './offer.ts'
import { deltaResponse } from './response.ts'
import { bytesOfNames, checkNames } from './sds-limits.ts'
import { type MakeNonce, type SecretResponse, type Subscription, WILDCARD } from './subscription.ts'

type Request = Pick<
  DeltaDiscoveryRequest__Output,
  'resourceNamesSubscribe' | 'resourceNamesUnsubscribe' | 'initialResourceVersions'
>

/** In place of a version: the client was told that the resource does not exist. */
const REMOVED = ''
/** In place of a version that this agent cannot have sent. */
const FOREIGN = '?'
const MAX_VERSION_LENGTH = 64

/**
 * Incremental xDS (delta): requests name changes of the subscription, responses contain changed
 * resources.
 */
export class DeltaSubscription implements Subscription<Request> {
  isWildcard = false
  readonly #maxNames: number
  readonly #makeNonce: MakeNonce
  readonly #wanted = new Set<string>()
  /** The version last sent of each name, whether the client accepted it or not. It is not sent again. */
  readonly #sent = new Map<string, string>()
  #isFirst = true

  constructor(maxNames: number, makeNonce: MakeNonce) {
    this.#maxNames = maxNames
    this.#makeNonce = makeNonce
  }

  get names(): readonly string[] {
    return [...this.#wanted]
  }

  get keptBytes(): number {
    return bytesOfNames(this.#wanted) + bytesOfNames(this.#sent.keys())
  }

  /** Every request changes the subscription, whichever response it acknowledges. */
  hear(request: Request): boolean {
    const { resourceNamesSubscribe: wanted, resourceNamesUnsubscribe: unwanted } = request
    checkNames(wanted, this.#maxNames)
    const isFirst = this.#isFirst
    this.#isFirst = false
    if (isFirst) this.#remember(request.initialResourceVersions)
    if (isFirst && wanted.length === 0) this.isWildcard = true
    for (const name of wanted) this.#subscribe(name, isFirst)
    for (const name of unwanted) this.#unsubscribe(name)
    checkNames(this.#wanted, this.#maxNames)
    return isFirst || wanted.length > 0 || unwanted.length > 0
  }

  next(found: FoundSecret): SecretResponse | undefined {
    const { secrets, absent } = found
    const changed = secrets.filter(({ name, version }) => this.#sent.get(name) !== version)
    const missing = absent.flatMap(({ name }) => (this.#sent.get(name) === REMOVED ? [] : [name]))
    const vanished = this.isWildcard ? this.#vanished(found) : []
    if (changed.length === 0 && missing.length === 0 && vanished.length === 0) return undefined
    for (const { name, version } of changed) this.#sent.set(name, version)
    for (const name of missing) this.#sent.set(name, REMOVED)
    for (const name of vanished) this.#sent.delete(name)
    return deltaResponse(changed, [...missing, ...vanished], this.#makeNonce())
  }

  /** Names that were sent to a wildcard subscription and no longer exist. */
  #vanished({ secrets, absent, pending }: FoundSecret): string[] {
    const there = new Set([...[...secrets, ...absent].map(({ name }) => name), ...pending])
    return [...this.#sent.keys()].filter((name) => !there.has(name))
  }

  /** Remembers the versions that the client kept from an earlier stream. */
  #remember(versions: Readonly<Record<string, string>>): void {
    const entries = Object.entries(versions)
    checkNames(
      entries.map(([name]) => name),
      this.#maxNames,
    )
    for (const [name, version] of entries) {
      this.#sent.set(name, version !== '' && version.length <= MAX_VERSION_LENGTH ? version : FOREIGN)
    }
  }

  /** A repeated subscription asks for the resource again. */
  #subscribe(name: string, isFirst: boolean): void {
    if (name === WILDCARD) this.isWildcard = true
    else {
      this.#wanted.add(name)
      if (!isFirst) this.#sent.delete(name)
    }
  }

  /** If a wildcard still covers the name, the client must be sent the resource again. */
  #unsubscribe(name: string): void {
    if (name === WILDCARD) {
      this.isWildcard = false
      for (const sent of this.#sent.keys()) if (!this.#wanted.has(sent)) this.#sent.delete(sent)
    } else if (this.#wanted.delete(name)) {
      if (this.isWildcard) this.#sent.set(name, FOREIGN)
      else this.#sent.delete(name)
    }
  }
}
