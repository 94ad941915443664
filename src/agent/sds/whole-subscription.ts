import type { DiscoveryRequest__Output } from '../../rpc/gen/envoy/service/discovery/v3/DiscoveryRequest.ts'
import type { FoundSecret } from './offer.ts'
import { wholeResponse } from './response.ts'
import { bytesOfNames, checkNames } from './sds-limits.ts'
import { versionOf } from './secret.ts'
import { type MakeNonce, type SecretResponse, type Subscription, WILDCARD } from './subscription.ts'

type Request = Pick<DiscoveryRequest__Output, 'resourceNames' | 'responseNonce'>

/** State of the world: each request names all that is wanted, each response holds all of it that there is. */
export class WholeSubscription implements Subscription<Request> {
  names: readonly string[] = []
  isWildcard = false
  readonly #maxNames: number
  readonly #makeNonce: MakeNonce
  #isFirst = true
  /** Names were asked for before: an empty list means none of them any more, not everything. */
  #hasNamed = false
  #nonce = ''
  #sentVersion: string | undefined
  /** A new subscription is answered, also with what was sent before. */
  #owes = false

  constructor(maxNames: number, makeNonce: MakeNonce) {
    this.#maxNames = maxNames
    this.#makeNonce = makeNonce
  }

  get keptBytes(): number {
    return bytesOfNames(this.names)
  }

  /** A request that answers an older response than the last one is stale: the client will say it again when it answers that one. */
  hear({ resourceNames, responseNonce }: Request): boolean {
    if (!this.#isFirst && responseNonce !== '' && responseNonce !== this.#nonce) return false
    const isChanged = this.#want(resourceNames) || this.#isFirst
    this.#isFirst = false
    if (isChanged) this.#owes = true
    return isChanged
  }

  next({ secrets }: FoundSecret): SecretResponse | undefined {
    if (secrets.length === 0) {
      // Envoy takes a response without a resource for an error. Whatever comes next is news.
      this.#sentVersion = undefined
      return undefined
    }
    const version = versionOf(secrets)
    if (!this.#owes && version === this.#sentVersion) return undefined
    this.#owes = false
    this.#sentVersion = version
    this.#nonce = this.#makeNonce()
    return wholeResponse(secrets, this.#nonce)
  }

  /** True when this is another subscription than before. */
  #want(asked: readonly string[]): boolean {
    checkNames(asked, this.#maxNames)
    const isWildcard = asked.includes(WILDCARD) || (asked.length === 0 && !this.#hasNamed)
    const names = asked.length > 1 || asked[0] === WILDCARD ? tidy(asked) : asked
    if (asked.length > 0) this.#hasNamed = true
    const isSame = names.length === this.names.length && names.every((name, n) => name === this.names[n])
    if (isSame && isWildcard === this.isWildcard) return false
    this.names = names
    this.isWildcard = isWildcard
    return true
  }
}

function tidy(asked: readonly string[]): readonly string[] {
  return [...new Set(asked)].filter((name) => name !== WILDCARD).sort()
}
